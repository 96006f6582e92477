"""What goes from the package cache, and when nothing may."""

import fcntl
import os
import time
from pathlib import Path

import pytest

from condafs.builder.bytecode_cache import key_of
from condafs.builder.cache_sweep import (
    Sort,
    find_spare,
    needed_distributions,
    parts_of_cache,
    remove_spare,
)
from condafs.builder.leftovers import join_builders, sweep_leftovers
from tests.deep import DEEP, make_deep
from tests.way import as_nobody, open_the_way_to

LATER = 1000
DISTRIBUTIONS = ("zz-kept-1.0-0", "zz-spare-1.0-0")


@pytest.fixture
def packages(tmp_path: Path) -> Path:
    """Two packages with bytecode, repodata, a download of pip's."""
    root = tmp_path / "packages"
    for distribution in DISTRIBUTIONS:
        (root / "pkgs" / distribution / "lib").mkdir(parents=True)
        (root / "pkgs" / distribution / "lib" / "file").write_bytes(b"x" * 5000)
        (root / "pkgs" / f"{distribution}.lock").write_bytes(bytes(8))
        (root / "pkgs" / f"{distribution}.sound").write_text("1 2\n")
        for name in ("cpython-312-00", f"cpython-312-00-{'0' * 16}"):  # of earlier versions, and of this one
            entry = root / "bytecode" / key_of(distribution, bytes(32)) / name
            entry.mkdir(parents=True)
            (entry / "index").write_text("[]")
    (root / "abcdef.json").write_text("{}")
    (root / "pip-cache" / "http").mkdir(parents=True)
    (root / "pip-cache" / "http" / "body").write_text("x")
    return root


@pytest.fixture
def builds(tmp_path: Path) -> Path:
    """One environment, which has the first."""
    builds = tmp_path / "builds"
    meta = builds / f"{'a' * 64}-foo" / "conda-meta"
    meta.mkdir(parents=True)
    (meta / f"{DISTRIBUTIONS[0]}.json").write_text("{}")
    (meta / "history").touch()
    return builds


def names(packages: Path, needed: set[str], before: float) -> set[str]:
    return {str(spare.path.relative_to(packages)) for spare in find_spare(packages, needed, before)}


def test_what_no_environment_has_is_spare(packages: Path, builds: Path) -> None:
    needed = needed_distributions(builds, ())
    assert DISTRIBUTIONS[0] in needed
    assert names(packages, needed, time.time() + LATER) == {
        "pkgs/zz-spare-1.0-0",
        f"bytecode/{key_of('zz-spare-1.0-0', bytes(32))}",
        "abcdef.json",
        "pip-cache/http/body",
    }


def test_what_a_condemned_environment_has_is_spare_too(packages: Path, builds: Path) -> None:
    needed = needed_distributions(builds, {f"{'a' * 64}-foo"})
    assert f"pkgs/{DISTRIBUTIONS[0]}" in names(packages, needed, time.time() + LATER)


def test_what_was_used_a_moment_ago_is_not_spare_yet(packages: Path) -> None:
    assert names(packages, set(), time.time() - LATER) == set()


def test_linking_and_unlinking_is_using(packages: Path, tmp_path: Path) -> None:
    before = next(part for part in parts_of_cache(packages) if part.path.name == DISTRIBUTIONS[1]).unused_since
    while time.time() <= before + 0.01:
        pass  # the clock of files is coarse
    os.link(packages / "pkgs" / DISTRIBUTIONS[1] / "lib" / "file", tmp_path / "linked")
    after = next(part for part in parts_of_cache(packages) if part.path.name == DISTRIBUTIONS[1]).unused_since
    assert after > before


def test_what_is_spare_goes_with_its_lock(packages: Path, builds: Path) -> None:
    needed = needed_distributions(builds, ())
    removed = remove_spare(packages, find_spare(packages, needed, time.time() + LATER), lambda: needed)
    assert removed.count == 4
    assert removed.freed_bytes >= 5000
    assert sorted(os.listdir(packages / "pkgs")) == [
        f"{DISTRIBUTIONS[0]}{suffix}" for suffix in ("", ".lock", ".sound")
    ]
    assert os.listdir(packages / "bytecode") == [key_of(DISTRIBUTIONS[0], bytes(32))]
    assert not (packages / "abcdef.json").exists()
    assert os.listdir(packages / ".drafts") == []
    assert [part.sort for part in parts_of_cache(packages)] == [Sort.PACKAGE, Sort.BYTECODE]


@pytest.mark.usefixtures("cleared")
def test_what_is_deep_is_measured_and_goes_as_well(packages: Path) -> None:
    for place in (packages / "pkgs/zz-deep-1.0-0", packages / "pip-cache/wheels"):
        make_deep(place)
    make_deep(packages / "pkgs/zz-deeper-1.0-0", name="n" * 100)
    spare = find_spare(packages, set(DISTRIBUTIONS), time.time() + LATER)
    found = {item.path.name: item for item in spare}
    assert {"zz-deep-1.0-0", "zz-deeper-1.0-0", "file"} <= found.keys()
    assert found["zz-deeper-1.0-0"].size_bytes >= DEEP * 4096 // 2
    remove_spare(packages, spare, lambda: set(DISTRIBUTIONS))
    assert sorted(set(os.listdir(packages / "pkgs")) - set(DISTRIBUTIONS)) == sorted(
        f"{name}.{suffix}" for name in DISTRIBUTIONS for suffix in ("lock", "sound")
    )
    assert os.listdir(packages / ".drafts") == []


def test_a_directory_that_nobody_may_read_hides_no_package(packages: Path) -> None:
    open_the_way_to(packages)
    (packages / "pkgs" / DISTRIBUTIONS[1] / "lib").chmod(0)

    def look() -> None:
        assert f"pkgs/{DISTRIBUTIONS[1]}" in names(packages, set(), time.time() + LATER)

    assert as_nobody(look) == 0


def test_while_somebody_builds_nothing_goes(packages: Path) -> None:
    spare = find_spare(packages, set(), time.time() + LATER)
    builder = os.open(packages / ".builders", os.O_RDWR | os.O_CREAT)
    fcntl.flock(builder, fcntl.LOCK_SH)
    removed = remove_spare(packages, spare, set)
    assert (removed.is_busy, removed.count) == (True, 0)
    assert (packages / "pkgs" / DISTRIBUTIONS[1] / "lib" / "file").exists()
    os.close(builder)
    assert not remove_spare(packages, spare, set).is_busy


def test_who_begins_to_build_waits_for_renames_only_and_finds_what_he_needs(packages: Path) -> None:
    """Between looking and removing, an environment was made of the spare package: asked again, it is needed."""
    spare = find_spare(packages, set(), time.time() + LATER)

    def needed() -> set[str]:
        lock = os.open(packages / ".builders", os.O_RDWR)
        with pytest.raises(BlockingIOError):
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        os.close(lock)
        return {DISTRIBUTIONS[1]}

    remove_spare(packages, spare, needed)
    assert (packages / "pkgs" / DISTRIBUTIONS[1] / "lib" / "file").exists()
    assert not (packages / "pkgs" / DISTRIBUTIONS[0]).exists()


def test_what_was_used_since_it_was_found_stays(packages: Path, tmp_path: Path) -> None:
    spare = find_spare(packages, set(), time.time() + LATER)
    newest = max(item.unused_since for item in spare)
    while time.time() <= newest + 0.01:
        pass  # the clock of files is coarse
    os.link(packages / "pkgs" / DISTRIBUTIONS[1] / "lib" / "file", tmp_path / "linked")
    remove_spare(packages, spare, set)
    assert (packages / "pkgs" / DISTRIBUTIONS[1]).exists()


def test_a_removal_that_was_killed_is_ended_by_the_next_builder(packages: Path) -> None:
    (packages / ".drafts" / "spare-abc" / "0" / "lib").mkdir(parents=True)
    assert sweep_leftovers(packages)
    assert os.listdir(packages / ".drafts") == []


def test_an_empty_cache_has_nothing_to_spare(tmp_path: Path) -> None:
    join_builders(tmp_path / "packages")
    assert find_spare(tmp_path / "packages", set(), time.time() + LATER) == []
    assert remove_spare(tmp_path / "packages", [], set).count == 0
