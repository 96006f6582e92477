"""What killed builders leave is swept, and nothing that a living one makes."""

import subprocess
import sys
from pathlib import Path

import pytest

from condafs.builder.leftovers import sweep_leftovers
from tests.deep import make_deep

BUILDER = "import sys, pathlib; from condafs.builder.leftovers import join_builders; \
join_builders(pathlib.Path(sys.argv[1])); print('joined', flush=True); sys.stdin.read()"


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    for name in ("pkgs/.numpyX1y2z3", "pkgs/numpy-1.0-0", ".drafts/abc", "bytecode/six"):
        (tmp_path / name / "inside").mkdir(parents=True)
    (tmp_path / "pkgs/numpy-1.0-0.lock").touch()
    return tmp_path


def left(packages: Path) -> set[str]:
    return {str(path.relative_to(packages)) for path in [*packages.glob("*/*"), *packages.glob("*/.*")]}


def test_what_was_being_extracted_or_made_is_swept(packages: Path) -> None:
    assert sweep_leftovers(packages)
    assert left(packages) == {"pkgs/numpy-1.0-0", "pkgs/numpy-1.0-0.lock", "bytecode/six"}


@pytest.mark.usefixtures("cleared")
def test_leftovers_of_any_depth_are_swept(packages: Path) -> None:
    make_deep(packages / ".drafts/build-x/tmp")
    make_deep(packages / "pkgs/.zz-deepX1")
    assert sweep_leftovers(packages)
    assert left(packages) == {"pkgs/numpy-1.0-0", "pkgs/numpy-1.0-0.lock", "bytecode/six"}


def test_while_somebody_builds_nothing_is_swept_and_after_its_end_everything(packages: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", BUILDER, str(packages)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as builder:
        assert builder.stdout
        assert builder.stdout.readline() == b"joined\n"
        (packages / "pkgs/.scipyA1").mkdir()
        assert not sweep_leftovers(packages)
        builder.kill()
    assert sweep_leftovers(packages)
    assert "pkgs/.scipyA1" not in left(packages)


def test_where_no_cache_is_none_is_made(tmp_path: Path) -> None:
    assert not sweep_leftovers(tmp_path / "packages")
    assert list(tmp_path.iterdir()) == []
