"""One pass over a tree."""

import os
import stat
from pathlib import Path

import pytest

from condafs.errors import MachineError, UnsoundPrefixError
from condafs.prefix.walk import Rows, _Find, protect_shared_files, read_rows, walk


def paths_of(content: bytes) -> list[str]:
    return [row.path for row in read_rows(content)]


def test_directories_stand_before_what_they_hold(tmp_path: Path) -> None:
    (tmp_path / "b/c").mkdir(parents=True)
    (tmp_path / "b/c/deep").write_text("x")
    (tmp_path / "a").write_text("xy")
    (tmp_path / "d").mkdir()
    (tmp_path / "d/run").write_text("")
    (tmp_path / "d/run").chmod(0o755)
    (tmp_path / "link").symlink_to("nowhere")
    rows = list(read_rows(walk(tmp_path)))
    assert {row.path: (row.kind, row.size_bytes, row.target) for row in rows} == {
        "a": ("f", 2, ""),
        "b": ("d", 0, ""),
        "b/c": ("d", 0, ""),
        "b/c/deep": ("f", 1, ""),
        "d": ("d", 0, ""),
        "d/run": ("x", 0, ""),
        "link": ("l", len("nowhere"), "nowhere"),
    }
    paths = [row.path for row in rows]
    assert paths.index("b") < paths.index("b/c") < paths.index("b/c/deep")
    assert paths.index("d") < paths.index("d/run")


def test_any_name_survives(tmp_path: Path) -> None:
    names = ["a b", "a\nb", "-rf", ")", "*", "é", "x" * 255]
    for name in names:
        (tmp_path / name).write_text("")
    assert sorted(paths_of(walk(tmp_path))) == sorted(names)


def test_times_are_kept_to_the_nanosecond(tmp_path: Path) -> None:
    for name, moment in (("old", 1), ("zero", 0), ("new", 1_700_000_000_123_456_789)):
        (tmp_path / name).write_text("")
        os.utime(tmp_path / name, ns=(0, moment))
    assert {row.path: row.mtime_ns for row in read_rows(walk(tmp_path))} == {
        "old": 1,
        "zero": 0,
        "new": 1_700_000_000_123_456_789,
    }


def test_what_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        walk(tmp_path / "gone")
    with pytest.raises(MachineError, match="cannot be read"):
        _Find(tmp_path, ["./gone"], ["-printf", "x"]).output()


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
    assert sorted(read_rows(several), key=str) == sorted(read_rows(one), key=str)
    assert Rows([several]).sum_up() == Rows([one]).sum_up()
    assert len(paths_of(several)) == 5 + 30


def test_names_that_are_not_utf8_survive(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"\xff\xfe")).write_text("")
    assert [os.fsencode(path) for path in paths_of(walk(tmp_path))] == [b"\xff\xfe"]


def test_links_to_directories_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path)
    assert paths_of(walk(tmp_path)) == ["loop"]


def test_pipes_are_no_rows_and_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "share").mkdir()
    os.mkfifo(tmp_path / "share" / "pipe")
    found = walk(tmp_path, read_only=True)
    assert paths_of(found) == ["share"]
    with pytest.raises(UnsoundPrefixError, match="a named pipe at share/pipe"):
        Rows([found]).sum_up()


def test_what_is_skipped_is_neither_listed_nor_changed(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    (tmp_path / "own/file").write_text("")
    (tmp_path / "other").write_text("")
    assert paths_of(walk(tmp_path, skip="own", read_only=True)) == ["other"]
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
    assert Rows([walk(tmp_path)]).sum_up().own_bytes == 100 + (tmp_path / "directory").stat().st_size


def test_the_sums_are_those_of_the_rows(tmp_path: Path) -> None:
    (tmp_path / "directory").mkdir()
    (tmp_path / "directory/file").write_bytes(b"x" * 10)
    (tmp_path / "program").write_bytes(b"x" * 20)
    (tmp_path / "program").chmod(0o755)
    (tmp_path / "link").symlink_to("program")
    sums = Rows([walk(tmp_path)]).sum_up()
    assert (sums.size_bytes, sums.file_count) == (30, 3)


@pytest.mark.parametrize("content", [b"x", b"f644 1\0", b"f644 1\x001\x002.0\0./a\0"])
def test_damaged_rows_are_refused(content: bytes) -> None:
    with pytest.raises(ValueError, match="damaged"):
        Rows([content])


def test_only_shared_files_are_protected(tmp_path: Path) -> None:
    for name in ("own", "shared"):
        (tmp_path / name).write_bytes(b"x")
        (tmp_path / name).chmod(0o644)
    os.link(tmp_path / "shared", tmp_path / "again")
    protect_shared_files(tmp_path)
    modes = {name: stat.S_IMODE((tmp_path / name).stat().st_mode) for name in ("own", "shared", "again")}
    assert modes == {"own": 0o644, "shared": 0o444, "again": 0o444}
    assert tmp_path.stat().st_mode & 0o200
