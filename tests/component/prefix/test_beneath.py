"""What is opened below an environment is in it, whatever packages put on the way."""

import os
import stat
import tempfile
from pathlib import Path

import pytest

from condafs.errors import UnsoundPrefixError
from condafs.prefix.beneath import Beneath, link_or_copy, remove_file


def is_at(fd: int, path: Path) -> bool:
    return os.path.samestat(os.fstat(fd), path.lstat())


def test_directories_are_made_and_opened_one_after_the_other(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    with Beneath(tmp_path, "lib/python") as place:
        for directory in ("a/b", "a", "", "a/b", "a/b/c/d", "a/e", "a/b/c", "c/./d//e"):
            assert is_at(place.open(directory), tmp_path / "lib/python" / directory)
    assert len(os.listdir("/proc/self/fd")) == before


def test_of_deep_directories_not_all_stay_open(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))
    deep = "d/" * 300
    with Beneath(tmp_path, "lib") as place:
        for directory in (deep, f"{deep}e", deep, "d/d", f"{deep}f/g"):
            assert is_at(place.open(directory), tmp_path / "lib" / directory)
            assert len(os.listdir("/proc/self/fd")) < before + 50
        with pytest.raises(UnsoundPrefixError, match=f"at lib/{deep}[.][.]"):
            place.open(f"{deep}..")
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("way", ["lib", "lib/python", "lib/python/a", "lib/python/a/b"])
@pytest.mark.parametrize("obstacle", ["link out", "link within", "dead link", "file"])
def test_what_is_no_directory_is_refused_and_nothing_is_made_behind_it(tmp_path: Path, way: str, obstacle: str) -> None:
    prefix, outside = tmp_path / "prefix", tmp_path / "outside"
    outside.mkdir()
    (prefix / "own").mkdir(parents=True)
    place = prefix / way
    place.parent.mkdir(parents=True, exist_ok=True)
    if obstacle == "file":
        place.touch()
    else:
        target = {"link out": outside, "link within": prefix / "own", "dead link": outside / "new"}[obstacle]
        place.symlink_to(target)

    def open_it() -> None:
        with Beneath(prefix, "lib/python") as beneath:
            beneath.open("a/b")

    words = "something else" if obstacle == "file" else "a link to"
    before = len(os.listdir("/proc/self/fd"))
    with pytest.raises(UnsoundPrefixError, match=f"a package made {way} {words}"):
        open_it()
    assert len(os.listdir("/proc/self/fd")) == before
    assert list(outside.iterdir()) == list((prefix / "own").iterdir()) == []


@pytest.mark.parametrize("path", ["..", "a/../..", "a/../b"])
def test_nothing_leads_out(tmp_path: Path, path: str) -> None:
    with Beneath(tmp_path / "", "lib") as place, pytest.raises(UnsoundPrefixError, match="outside of the environment"):
        place.open(path)


def test_an_open_directory_stays_what_it_is_when_a_link_takes_its_name(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    with Beneath(tmp_path, "lib") as place:
        fd = place.open("a")
        (tmp_path / "lib/a").rename(tmp_path / "lib/b")
        (tmp_path / "lib/a").symlink_to(outside)
        os.mkdir("made", dir_fd=fd)
        assert (tmp_path / "lib/b/made").is_dir()
        place.open("")
        with pytest.raises(UnsoundPrefixError):
            place.open("a")
    assert list(outside.iterdir()) == []


def test_a_file_is_linked_and_what_is_there_stays(tmp_path: Path) -> None:
    (tmp_path / "source").write_bytes(b"source")
    (tmp_path / "own").write_bytes(b"own")
    fd = os.open(tmp_path, os.O_RDONLY)
    assert link_or_copy(fd, "source", fd, "linked")
    assert not link_or_copy(fd, "source", fd, "own")
    with pytest.raises(FileNotFoundError):
        link_or_copy(fd, "nothing", fd, "new")
    os.close(fd)
    assert (tmp_path / "linked").samefile(tmp_path / "source")
    assert (tmp_path / "own").read_bytes() == b"own"


def test_to_another_filesystem_a_file_is_copied_with_its_mode_and_time(tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.write_bytes(b"source" * 1000)
    os.utime(source, ns=(1, 2_000_000_001))
    source.chmod(0o444)
    (tmp_path / "soft").symlink_to(source)
    with tempfile.TemporaryDirectory(dir="/dev/shm") as name:
        here, there = os.open(tmp_path, os.O_RDONLY), os.open(name, os.O_RDONLY)
        assert os.fstat(here).st_dev != os.fstat(there).st_dev
        assert link_or_copy(here, "source", there, "copy")
        assert not link_or_copy(here, "source", there, "copy")
        with pytest.raises(OSError, match="symbolic links"):
            link_or_copy(here, "soft", there, "followed")
        os.close(here)
        os.close(there)
        copy = Path(name, "copy")
        assert copy.read_bytes() == source.read_bytes()
        assert stat.S_IMODE(copy.stat().st_mode) == 0o444
        assert copy.stat().st_mtime_ns == 2_000_000_001
        assert os.listdir(name) == ["copy"]


def test_a_link_is_removed_and_not_what_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "soft").symlink_to("file")
    (tmp_path / "directory").mkdir()
    fd = os.open(tmp_path, os.O_RDONLY)
    remove_file(fd, "soft")
    remove_file(fd, "nothing")
    with pytest.raises(UnsoundPrefixError, match="a package made directory a directory"):
        remove_file(fd, "directory")
    os.close(fd)
    assert sorted(os.listdir(tmp_path)) == ["directory", "file"]
