"""One pass over a tree."""

import os
import stat
from pathlib import Path

from condafs.prefix.walk import DIRECTORY, EXECUTABLE, FILE, LINK, TOP, walk


def test_rows_are_directories_first_and_siblings_by_name(tmp_path: Path) -> None:
    (tmp_path / "b/c").mkdir(parents=True)
    (tmp_path / "b/c/deep").write_text("x")
    (tmp_path / "a").write_text("xy")
    (tmp_path / "d").mkdir()
    (tmp_path / "d/run").write_text("")
    (tmp_path / "d/run").chmod(0o755)
    (tmp_path / "link").symlink_to("nowhere")
    columns = walk(tmp_path)
    assert columns.paths == ["a", "b", "d", "link", "b/c", "b/c/deep", "d/run"]
    assert list(columns.kinds) == [FILE, DIRECTORY, DIRECTORY, LINK, DIRECTORY, FILE, EXECUTABLE]
    assert list(columns.parents) == [TOP, TOP, TOP, TOP, 1, 4, 2]
    assert list(columns.sizes) == [2, 0, 0, len("nowhere"), 0, 1, 0]
    assert columns.targets == ["nowhere"]


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
