"""A process stays on the build that it started from, whatever name it was started by; for each python there is.

Every test moves the name from build 1 to build 2 under a running process, which then imports for the first time,
starts children, and says where it believes to be.
"""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from condafs.prefix.pinning import pin_interpreters
from tests.end_to_end.prefix.conftest import Builds

PROBE = Path(__file__).with_name("probe.py")
WAYS = ("spawn", "forkserver", "fork")
ENVIRONMENT = {"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}


def run_across_flip(builds: Builds, *command: str | Path, **variables: str) -> dict[str, dict[str, Any]]:
    """Start a probe by the name, move the name, and return what it saw then."""
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env={**ENVIRONMENT, **variables}
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        builds.flip()
        process.stdin.write("moved\n")
        process.stdin.flush()
        seen: dict[str, dict[str, Any]] = json.loads(process.stdout.readline())
    assert process.returncode == 0
    return seen


def assert_in(build: Path, number: int, python: str, seen: dict[str, Any]) -> None:
    library = f"{build}/lib/python{python}"
    assert seen == {
        "prefix": str(build),
        "base_prefix": str(build),
        "executable": f"{build}/bin/python{python}",
        "base_executable": f"{build}/bin/python{python}",
        "stdlib": library,
        "late stdlib": library,
        "purelib": f"{library}/site-packages",
        "generations": [number, number],
    }


@pytest.mark.parametrize("name", ["python", "python3", "python{}"])
def test_a_process_and_its_children_stay_on_their_build(builds: Builds, name: str) -> None:
    """Lazy imports, sys.prefix, sysconfig, sys.executable, subprocess, multiprocessing in all three ways."""
    seen = run_across_flip(builds, builds.name / "bin" / name.format(builds.python), PROBE, *WAYS)
    assert seen.keys() == {"itself", "subprocess", *WAYS}
    for each in seen.values():
        assert_in(builds.first, 1, builds.python, each)


@pytest.mark.parametrize("option", ["-E", "-s", "-B"])
def test_options_of_python_change_nothing_about_it(builds: Builds, option: str) -> None:
    seen = run_across_flip(builds, builds.name / "bin/python", option, PROBE)
    assert_in(builds.first, 1, builds.python, seen["itself"])


def test_isolated_mode_changes_nothing_about_it(builds: Builds) -> None:
    seen = run_across_flip(builds, builds.name / "bin/python", "-I", PROBE, "forkserver")
    for each in seen.values():
        assert_in(builds.first, 1, builds.python, each)


def test_an_entry_point_stays_on_its_build(builds: Builds) -> None:
    seen = run_across_flip(builds, builds.name / "bin/entry-point", *WAYS)
    for each in seen.values():
        assert_in(builds.first, 1, builds.python, each)


def test_a_python_found_by_path_stays_on_its_build(builds: Builds) -> None:
    command = ("/usr/bin/env", "python", PROBE)
    seen = run_across_flip(builds, *command, PATH=f"{builds.name}/bin:/usr/bin:/bin")
    assert_in(builds.first, 1, builds.python, seen["itself"])
    assert_in(builds.first, 1, builds.python, seen["subprocess"])


def test_a_link_of_one_s_own_to_the_name_stays_on_its_build(builds: Builds, tmp_path: Path) -> None:
    (tmp_path / "my-python").symlink_to(builds.name / "bin/python3")
    seen = run_across_flip(builds, tmp_path / "my-python", PROBE, "spawn")
    for each in seen.values():
        assert_in(builds.first, 1, builds.python, each)


def test_what_starts_after_the_move_is_the_new_build(builds: Builds) -> None:
    builds.flip()
    seen = run_across_flip(builds, builds.name / "bin/python", PROBE)
    for each in seen.values():
        assert_in(builds.second, 2, builds.python, each)


@pytest.mark.parametrize("executable", ["python", "python3"])
def test_a_virtual_environment_on_top_stays_on_its_build(builds: Builds, tmp_path: Path, executable: str) -> None:
    """With system site-packages, so that it reads the pin file, which must leave its own `sys.executable` alone."""
    venv = tmp_path / "venv"
    make: list[str | Path] = [builds.name / "bin/python", "-m", "venv", "--without-pip", "--system-site-packages", venv]
    subprocess.run(make, check=True, env=ENVIRONMENT, timeout=60)
    for started_after in (False, True):
        seen = run_across_flip(builds, venv / "bin" / executable, PROBE, *WAYS)
        for each in seen.values():
            assert (each["prefix"], each["base_prefix"]) == (str(venv), str(builds.first)), started_after
            assert Path(each["executable"]).parent == venv / "bin"
            assert each["stdlib"] == each["late stdlib"] == f"{builds.first}/lib/python{builds.python}"
            assert each["generations"] == [1, 1]


def test_without_site_the_libraries_stay_and_only_the_executable_says_the_name(builds: Builds) -> None:
    """The one thing that a `.pth` cannot reach: `python -S`."""
    code = "import sys; print(sys.prefix); print(sys.executable)"
    out = subprocess.check_output([builds.name / "bin/python", "-S", "-c", code], env=ENVIRONMENT, text=True)
    assert out.splitlines() == [str(builds.first), f"{builds.name}/bin/python"]


def test_pythonhome_undoes_the_pinning_and_the_pin_file_does_not_pretend(builds: Builds) -> None:
    code = "import sys; print(sys.prefix); print(sys.executable)"
    environment = {**ENVIRONMENT, "PYTHONHOME": str(builds.name)}
    out = subprocess.check_output([builds.name / "bin/python", "-c", code], env=environment, text=True)
    assert out.splitlines() == [str(builds.name), f"{builds.name}/bin/python"]


def test_a_sealed_prefix_pinned_again_still_runs(builds: Builds) -> None:
    assert pin_interpreters(builds.first)
    command: list[str | Path] = [builds.first / "bin/python", "-c", "import sys; print(sys.executable)"]
    assert subprocess.check_output(command, text=True, env=ENVIRONMENT) == f"{builds.first}/bin/python{builds.python}\n"


def test_a_process_survives_the_name_going_away(builds: Builds) -> None:
    command: list[str | Path] = [builds.name / "bin/python", PROBE, *WAYS]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=ENVIRONMENT
    ) as process:
        assert process.stdout
        process.stdout.readline()
        builds.name.unlink()
        out, _ = process.communicate("moved\n", timeout=60)
    for each in json.loads(out).values():
        assert_in(builds.first, 1, builds.python, each)


def test_native_libraries_are_found_beside_the_executable(builds: Builds) -> None:
    """$ORIGIN of the hidden executable is the same `bin/`."""
    code = "import os; print(open('/proc/self/maps').read()); print(os.readlink('/proc/self/exe'))"
    out = subprocess.check_output([builds.name / "bin/python", "-c", code], text=True, env=ENVIRONMENT)
    assert str(builds.first / "bin") in out.splitlines()[-1]
    assert os.fspath(builds.name) + "/" not in out
