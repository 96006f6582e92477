"""Sealing and removing, as root and as an ordinary user."""

import os
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from condafs.prefix.inventory import read_summary
from condafs.prefix.seal import is_trash, make_read_only, remove_prefix, seal
from tests.deep import make_deep
from tests.way import open_the_way_to

NOBODY = 65534
AS_SOMEBODY = """
import os, pathlib, sys
from condafs.prefix.seal import make_read_only, remove_prefix, seal
path, user = pathlib.Path(sys.argv[1]), int(sys.argv[2])
if user != os.geteuid():  # after the imports: the interpreter may be out of the other user's reach
    os.setgroups([])
    os.setgid(user)
    os.setuid(user)
"""


@pytest.fixture(params=["the one who runs the tests", "an ordinary user"])
def run(request: pytest.FixtureRequest) -> Callable[[str, Path], None]:
    """Run a line of Python on `path`, as oneself or as an ordinary user who is made to own it."""
    user = NOBODY if request.param == "an ordinary user" else os.geteuid()
    if user != os.geteuid() and os.geteuid() != 0:
        pytest.skip("only root can become somebody else")

    def run(line: str, path: Path) -> None:
        if user != os.geteuid():
            open_the_way_to(path.parent)
            os.chown(path.parent, user, user)
            subprocess.run(["chown", "--recursive", "--no-dereference", f"{user}:{user}", path], check=True)
        subprocess.run([sys.executable, "-c", AS_SOMEBODY + line, path, str(user)], check=True, timeout=60)

    return run


def modes(prefix: Path) -> set[int]:
    return {stat.S_IMODE(path.lstat().st_mode) for path in (prefix, *prefix.rglob("*")) if not path.is_symlink()}


def test_nothing_writable_is_left(prefix: Path, run: Callable[[str, Path], None]) -> None:
    (prefix / "bin/setuid").write_text("")
    (prefix / "bin/setuid").chmod(0o6777)
    run("make_read_only(path)", prefix)
    assert not {mode for mode in modes(prefix) if mode & 0o6222}


def test_sealing_does_it_all(prefix: Path, run: Callable[[str, Path], None]) -> None:
    run("seal(path)", prefix)
    assert not {mode for mode in modes(prefix) if mode & 0o6222}
    assert (prefix / "bin/python").readlink().is_absolute()
    assert (prefix / "conda-meta/condafs/packages.json").is_file()


def test_sealing_again_finds_the_same(prefix: Path) -> None:
    assert seal(prefix).inventory == seal(prefix).inventory == read_summary(prefix)
    assert read_summary(prefix).file_count > 0


def test_sealing_reaches_the_files_of_the_cache_through_their_links(prefix: Path, tmp_path: Path) -> None:
    cached = tmp_path / "cached"
    os.link(prefix / "bin/python3.12", cached)
    make_read_only(prefix)
    assert stat.S_IMODE(cached.stat().st_mode) == 0o555


def test_who_could_not_read_it_before_cannot_afterwards(prefix: Path) -> None:
    prefix.chmod(0o700)
    seal(prefix)
    assert stat.S_IMODE(prefix.stat().st_mode) == 0o500


def test_links_are_left_alone_wherever_they_lead(prefix: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("")
    before = outside.stat().st_mode
    (prefix / "share").symlink_to(tmp_path)
    (prefix / "bin/outside").symlink_to(outside)
    make_read_only(prefix)
    assert outside.stat().st_mode == before


def test_a_sealed_prefix_can_be_removed(prefix: Path, run: Callable[[str, Path], None]) -> None:
    make_read_only(prefix)
    run("remove_prefix(path)", prefix)
    assert [path.name for path in prefix.parent.iterdir()] == []


@pytest.mark.usefixtures("cleared")
def test_a_prefix_of_any_depth_can_be_removed(prefix: Path, run: Callable[[str, Path], None]) -> None:
    make_deep(prefix / "share/deep")
    (prefix / "share/closed").mkdir(mode=0)
    run("remove_prefix(path)", prefix)
    assert [path.name for path in prefix.parent.iterdir()] == []


def test_what_an_interrupted_removal_left_is_removed_by_its_own_name(
    prefix: Path, run: Callable[[str, Path], None]
) -> None:
    make_read_only(prefix)
    trash = prefix.rename(prefix.with_name(f".{prefix.name}.trash-00"))
    assert is_trash(trash.name)
    run("remove_prefix(path)", trash)
    assert not trash.exists()


def test_removing_what_is_not_there_does_nothing(tmp_path: Path) -> None:
    remove_prefix(tmp_path / "gone")


def test_removing_a_link_leaves_what_it_leads_to(prefix: Path) -> None:
    link = prefix.with_name("link")
    link.symlink_to(prefix)
    remove_prefix(link)
    assert not link.is_symlink()
    assert (prefix / "bin/python3.12").exists()


def test_removing_follows_no_link_inside(prefix: Path, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("")
    (prefix / "share").symlink_to(outside)
    remove_prefix(prefix)
    assert (outside / "precious").exists()


def test_a_name_as_long_as_names_can_be_is_removed(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 255)
    (path / "bin").mkdir(parents=True)
    remove_prefix(path)
    assert list(tmp_path.iterdir()) == []


def test_files_of_the_cache_survive_the_removal_of_a_prefix(prefix: Path, tmp_path: Path) -> None:
    cached = tmp_path / "cached"
    os.link(prefix / "bin/python3.12", cached)
    seal(prefix)
    remove_prefix(prefix)
    assert cached.exists()
