"""A sealed environment of real packages: nobody changes it, and people learn what to do instead."""

import hashlib
import os
import subprocess
from pathlib import Path

import pytest

from condafs.prefix.contents import read_packages
from condafs.prefix.inventory import read_inventory, read_summary
from tests.end_to_end.prefix.conftest import Builds


def test_pip_refuses_to_change_a_build_even_as_root_and_says_what_to_do(builds: Builds) -> None:
    command: list[str | Path] = [builds.name / "bin/python", "-B", "-m", "pip", "uninstall", "-y", "pip"]
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=60, env={"PATH": "/usr/bin:/bin"}
    )
    assert done.returncode == 1
    assert "Builds never change" in done.stderr
    assert "python -m venv" in done.stderr


def test_the_inventory_is_what_is_there(builds: Builds) -> None:
    rows = {entry.path: entry for entry in read_inventory(builds.first)}
    there = {
        os.path.relpath(os.path.join(directory, name), builds.first)
        for directory, directories, files in os.walk(builds.first)
        for name in (*directories, *files)
    }
    assert {path for path in there if not path.startswith("conda-meta/condafs")} == rows.keys()
    assert (
        sum(entry.size_bytes for entry in rows.values() if entry.kind in "fx") == read_summary(builds.first).size_bytes
    )


def test_nothing_writable_is_left(builds: Builds) -> None:
    paths = [builds.first, *builds.first.rglob("*")]
    assert not [path for path in paths if not path.is_symlink() and path.stat().st_mode & 0o6222]


def test_the_second_build_shares_its_files_with_the_first(builds: Builds) -> None:
    first, second = read_summary(builds.first), read_summary(builds.second)
    assert second.size_bytes == pytest.approx(first.size_bytes, rel=0.01)
    assert second.own_bytes < second.size_bytes / 2


def test_the_packages_are_known(builds: Builds) -> None:
    (python,) = [package for package in read_packages(builds.first) if package.name == "python"]
    assert python.version.startswith(builds.python + ".")
    assert (python.kind, python.size_bytes > 0) == ("conda", True)


def test_originals_hold_the_placeholder_that_the_build_has_not(builds: Builds) -> None:
    originals = builds.first / "conda-meta/condafs/originals"
    files = [path for path in originals.rglob("*") if path.is_file()]
    for original in files:
        linked = builds.first / original.relative_to(originals)
        assert original.read_bytes() != linked.read_bytes()
        assert os.fsencode(builds.first) in linked.read_bytes()


def test_every_digest_of_the_inventory_is_right(builds: Builds) -> None:

    for entry in read_inventory(builds.first):
        if entry.sha256:
            assert hashlib.sha256(Path(builds.first, entry.path).read_bytes()).hexdigest() == entry.sha256
