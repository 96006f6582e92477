# The commands of this house. Each makes .venv and whatever else is missing first (.ci/setup).

PYTEST_ARGUMENTS ?=
BENCH_ARGUMENTS ?=
ENDURANCE_ARGUMENTS ?=
CHANNEL ?=

run = .venv/bin/python -m
# Hundreds of processes start in the tests: no machine should compile condafs for each.
export PYTHONDONTWRITEBYTECODE =
pytest = $(run) pytest -n 4 $(PYTEST_ARGUMENTS)
# Quoted for the shell: a channel's URL or directory may hold spaces.
channel = $(if $(CHANNEL),--channel '$(CHANNEL)')

.PHONY: help demo test lint check bench endurance format setup clean

help:
	@echo 'make demo   a guided tour on a channel made on the spot (CHANNEL=conda-forge: the real world)'
	@echo 'make test   all tests'
	@echo 'make check  what has to pass before a change lands: make lint (linters, types, floors), then all tests'
	@echo 'make bench  measures what is promised (CHANNEL=file:///DIR: on that channel)'
	@echo 'make endurance  kills, power cuts, full disks, foreign test suites (ENDURANCE_ARGUMENTS="--only kills")'
	@echo 'make format mends layout and imports; make clean removes what these commands made'

setup:
	@.ci/setup demo

demo: setup
	@$(run) condafs demo $(channel)

test:
	@.ci/setup test
	$(pytest)

lint:
	@.ci/setup test
	$(run) ruff check
	$(run) ruff format --check
	$(run) mypy
	.venv/bin/lint-imports
	.venv/bin/codespell
	.venv/bin/shellcheck .ci/run .ci/setup tests/end_to_end/service/box.sh

check: lint
	$(pytest)

bench:
	@.ci/setup bench
	@$(run) tests.bench $(channel) $(BENCH_ARGUMENTS)

endurance:
	@.ci/setup endurance
	@$(run) tests.endurance $(ENDURANCE_ARGUMENTS)

format:
	@.ci/setup test
	$(run) ruff check --fix
	$(run) ruff format

clean:
	rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find condafs tests -name __pycache__ -type d -prune -exec rm -rf {} +
