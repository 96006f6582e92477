"""A build is looked at: whatever is not as it was made is found, by its path."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from condafs.health.check import Report, examine
from condafs.health.hashing import Hasher
from condafs.health.problem import Damage
from condafs.health.sharing import other_builds_of
from condafs.prefix.layout import INVENTORY, MARKER, OWN_INVENTORY, SUMS
from condafs.prefix.seal import remove_prefix


def check(prefix: Path, *, is_quick: bool = False) -> Report:
    with Hasher() as hasher:
        return examine(prefix, hasher, is_quick=is_quick).report


def found(prefix: Path, *, is_quick: bool = False) -> set[tuple[str, Damage]]:
    return {(problem.path, problem.damage) for problem in check(prefix, is_quick=is_quick).problems}


def flip(path: Path, at: int = 0) -> None:
    """Change one bit, and nothing that stat(2) shows; root's bits do not stop root, the owner's stop the owner."""
    before = path.stat()
    path.chmod(0o644)
    with path.open("r+b") as file:
        file.seek(at)
        byte = file.read(1)[0]
        file.seek(at)
        file.write(bytes([byte ^ 1]))
    path.chmod(before.st_mode & 0o7777)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


def opened(path: Path) -> Path:
    """A path whose directory can be changed, and keeps its time."""
    path.parent.chmod(0o755)
    return path


def test_a_build_that_nobody_touched_is_sound(build: Path) -> None:
    report = check(build)
    assert report.is_sound, report.problems
    assert not report.unvouched
    assert report.hashed_bytes


def test_a_flipped_bit_is_found_in_every_single_file(build: Path) -> None:
    files = [
        path for path in sorted(build.rglob("*")) if path.is_file() and not path.is_symlink() and path.stat().st_size
    ]
    assert len(files) > 12
    for path in files:
        flip(path, path.stat().st_size // 2)
        problems = {problem.path for problem in check(build).problems}
        flip(path, path.stat().st_size // 2)
        assert str(path.relative_to(build)) in problems
    assert check(build).is_sound


def test_quick_looks_at_no_content(build: Path) -> None:
    flip(build / "share/zz/data")
    assert check(build, is_quick=True).is_sound
    assert found(build) == {("share/zz/data", Damage.CHANGED)}


@pytest.mark.parametrize(
    ("hurt", "path", "damage"),
    [
        (lambda path: os.truncate(path, 3), "share/zz/data", Damage.CHANGED),
        (lambda path: path.unlink(), "share/zz/own", Damage.MISSING),
        (lambda path: path.write_bytes(b"x"), "share/zz/new", Damage.EXTRA),
        (lambda path: path.chmod(0o666), "share/zz/own", Damage.MODE),
        (lambda path: path.chmod(0o4555), "bin/zz", Damage.MODE),
        (lambda path: os.utime(path, (1, 1)), "share/zz/own", Damage.TIME),
        (lambda path: (path.unlink(), path.symlink_to("/etc/passwd")), "share/zz/link", Damage.TARGET),
        (lambda path: (path.unlink(), path.symlink_to("own")), "share/zz/data", Damage.KIND),
        (lambda path: (path.unlink(), path.mkdir()), "share/zz/own", Damage.KIND),
        (lambda path: (path.unlink(), os.mkfifo(path)), "share/zz/own", Damage.KIND),
        (lambda path: path.chmod(0o755), "share/zz", Damage.MODE),
    ],
)
def test_what_quick_finds(build: Path, hurt: Callable[[Path], object], path: str, damage: Damage) -> None:
    hurt(opened(build / path))
    assert (path, damage) in found(build, is_quick=True)
    assert (path, damage) in found(build)


def test_a_lost_directory_is_one_problem(build: Path) -> None:
    opened(build / "share/zz")
    subprocess.run(["rm", "-rf", build / "share/zz"], check=True)
    build.joinpath("share").chmod(0o555)
    assert found(build) == {("share/zz", Damage.MISSING)}


@pytest.mark.parametrize("path", [INVENTORY, OWN_INVENTORY, SUMS, MARKER])
def test_without_one_of_its_own_files_the_rest_is_still_looked_at(build: Path, path: str) -> None:
    (opened(build / path)).unlink()
    (build / path).parent.chmod(0o555)
    flip(build / "share/zz/data")
    problems = found(build)
    assert (path, Damage.MISSING) in problems
    assert ("share/zz/data", Damage.CHANGED) in problems


@pytest.mark.parametrize("path", [INVENTORY, OWN_INVENTORY, SUMS, MARKER, "conda-meta/zz-1.0-0.json"])
@pytest.mark.parametrize("content", [b"", b"\0" * 100, b"{}", b"\xff\xfe garbage \n"])
def test_garbage_in_its_own_files_is_damage_and_no_crash(build: Path, path: str, content: bytes) -> None:
    (build / path).chmod(0o644)
    (build / path).write_bytes(content)
    (build / path).chmod(0o444)
    assert path in {problem.path for problem in check(build).problems}


def test_a_build_under_another_name_does_not_pass_for_it(build: Path) -> None:
    other = build.with_name("cd" * 32 + "-foo")
    build.rename(other)
    assert (MARKER, Damage.CHANGED) in found(other)


def test_a_damaged_file_is_told_with_its_package(build: Path) -> None:
    flip(build / "bin/zz")
    (problem,) = check(build).problems
    assert problem.package == "zz 1.0"


def test_other_builds_that_have_the_damaged_inode_are_told(build: Path) -> None:
    other = build.with_name("cd" * 32 + "-bar")
    subprocess.run(["cp", "-al", build, other], check=True)
    apart = build.with_name("ef" * 32 + "-baz")
    subprocess.run(["cp", "-a", build, apart], check=True)
    assert list(other_builds_of(check(build))) == []
    flip(build / "share/zz/data")
    assert [str(name) for name in other_builds_of(check(build))] == [other.name]


def test_shared_content_is_read_once(build: Path) -> None:
    other = build.with_name("cd" * 32 + "-bar")
    subprocess.run(["cp", "-al", build, other], check=True)
    read: list[int] = []
    with Hasher() as hasher:
        examine(build, hasher)
        first = dict(hasher._known)
        examine(other, hasher, advance=lambda done, _: read.append(done))
    assert {inode[1] for inode in hasher._known} >= {inode[1] for inode in first}
    assert read


def test_a_build_of_before_there_were_sums_says_what_cannot_be_checked(build: Path) -> None:
    opened(build / SUMS)
    for path in (SUMS, OWN_INVENTORY):
        (build / path).unlink()
    (build / MARKER).chmod(0o644)
    (build / MARKER).write_text(f'{{"build": "{build.name}", "specification": "{{}}"}}')
    (build / MARKER).chmod(0o444)
    (build / SUMS).parent.chmod(0o555)
    report = check(build)
    assert not [problem for problem in report.problems if not problem.path.startswith("conda-meta/condafs")]
    assert report.unvouched
    remove_prefix(build)
