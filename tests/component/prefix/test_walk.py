"""One pass over a tree."""

import os
import stat
from pathlib import Path

import pytest

from condafs.errors import MachineError
from condafs.prefix.walk import DIRECTORY, EXECUTABLE, FILE, LINK, TOP, _Find, walk


def test_directories_stand_before_what_they_hold(tmp_path: Path) -> None:
    (tmp_path / "b/c").mkdir(parents=True)
    (tmp_path / "b/c/deep").write_text("x")
    (tmp_path / "a").write_text("xy")
    (tmp_path / "d").mkdir()
    (tmp_path / "d/run").write_text("")
    (tmp_path / "d/run").chmod(0o755)
    (tmp_path / "link").symlink_to("nowhere")
    columns = walk(tmp_path)
    kinds, sizes = (
        dict(zip(columns.paths, columns.kinds, strict=True)),
        dict(zip(columns.paths, columns.sizes, strict=True)),
    )
    assert kinds == {
        "a": FILE,
        "b": DIRECTORY,
        "b/c": DIRECTORY,
        "b/c/deep": FILE,
        "d": DIRECTORY,
        "d/run": EXECUTABLE,
        "link": LINK,
    }
    assert sizes == {"a": 2, "b": 0, "b/c": 0, "b/c/deep": 1, "d": 0, "d/run": 0, "link": len("nowhere")}
    assert columns.targets == ["nowhere"]
    for row, (path, name, parent) in enumerate(zip(columns.paths, columns.names, columns.parents, strict=True)):
        assert parent == TOP or parent < row
        assert path == (name if parent == TOP else f"{columns.paths[parent]}/{name}")


def test_any_name_survives(tmp_path: Path) -> None:
    names = ["a b", "a\nb", "-rf", ")", "*", "é", "x" * 255]
    for name in names:
        (tmp_path / name).write_text("")
    assert sorted(walk(tmp_path).paths) == sorted(names)


def test_times_are_kept_to_the_nanosecond(tmp_path: Path) -> None:
    for name, moment in (("old", 1), ("zero", 0), ("new", 1_700_000_000_123_456_789)):
        (tmp_path / name).write_text("")
        os.utime(tmp_path / name, ns=(0, moment))
    columns = walk(tmp_path)
    found = dict(zip(columns.paths, columns.mtimes_ns, strict=True))
    assert found == {"old": 1, "zero": 0, "new": 1_700_000_000_123_456_789}


def test_what_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        walk(tmp_path / "gone")
    with pytest.raises(MachineError, match="cannot be read"):
        _Find(tmp_path, ["./gone"], ["-printf", "x"]).fields()


def test_many_processes_find_what_one_finds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    site_packages = tmp_path / "lib/python3.12/site-packages"
    site_packages.mkdir(parents=True)
    (tmp_path / "lib/python3.1").symlink_to("python3.12")
    (tmp_path / "conda-meta/own").mkdir(parents=True)
    for number in range(10):
        (site_packages / f"package{number}/sub").mkdir(parents=True)
        (site_packages / f"package{number}/sub/-name").write_text("x" * number)
        (tmp_path / "conda-meta/own" / str(number)).write_text("")
    several = walk(tmp_path, skip="conda-meta/own")
    monkeypatch.setattr("condafs.prefix.walk._MAX_ARGUMENT_BYTES", 0)
    one = walk(tmp_path, skip="conda-meta/own")
    assert sorted(several.paths) == sorted(one.paths)
    assert several.own_bytes == one.own_bytes
    assert len(several.paths) == 5 + 30


def test_names_that_are_not_utf8_survive(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff\xfe")).write_text("")
    assert [os.fsencode(name) for name in walk(tmp_path).names] == [b"\xff\xfe"]


def test_links_to_directories_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path)
    assert walk(tmp_path).paths == ["loop"]


def test_pipes_are_passed_over(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert walk(tmp_path, read_only=True).paths == []


def test_what_is_skipped_is_neither_listed_nor_changed(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own/file").write_text("")
    (tmp_path / "other").write_text("")
    assert walk(tmp_path, skip="own", read_only=True).paths == ["other"]
    assert os.access(tmp_path / "own/file", os.W_OK)


def test_reading_changes_no_mode_and_sealing_takes_write_and_setuid_bits(tmp_path: Path) -> None:
    (tmp_path / "directory").mkdir(mode=0o775)
    program = tmp_path / "directory/program"
    program.write_text("")
    program.chmod(0o6775)
    walk(tmp_path)
    assert stat.S_IMODE(program.stat().st_mode) == 0o6775
    walk(tmp_path, read_only=True)
    assert stat.S_IMODE(program.stat().st_mode) == 0o555
    assert stat.S_IMODE((tmp_path / "directory").stat().st_mode) & 0o222 == 0


def test_own_bytes_are_files_with_one_name_and_directories(tmp_path: Path) -> None:
    (tmp_path / "own").write_bytes(b"x" * 100)
    (tmp_path / "shared").write_bytes(b"x" * 1000)
    os.link(tmp_path / "shared", tmp_path / "again")
    (tmp_path / "directory").mkdir()
    assert walk(tmp_path).own_bytes == 100 + (tmp_path / "directory").stat().st_size
