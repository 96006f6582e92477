"""The marker says that a prefix is complete."""

import stat
from pathlib import Path

from condafs.names import BuildName
from condafs.prefix.marker import Marker, read_marker, write_marker
from condafs.prefix.seal import seal

BUILD = BuildName.parse("a" * 64 + "-foo")


def test_a_prefix_without_a_marker_is_not_complete(prefix: Path) -> None:
    assert read_marker(prefix) is None
    assert read_marker(prefix / "gone") is None


def test_what_was_written_is_read_back(prefix: Path) -> None:
    seal(prefix)
    written = write_marker(prefix, BUILD, '{"name":"foo"}', lock_sha256="b" * 64, finished=12.5)
    assert read_marker(prefix) == written == Marker(str(BUILD), '{"name":"foo"}', "b" * 64, 12.5)


def test_the_prefix_is_as_sealed_afterwards_as_before(prefix: Path) -> None:
    seal(prefix)
    write_marker(prefix, BUILD, "{}")
    own = prefix / "conda-meta/condafs"
    assert all(stat.S_IMODE(path.lstat().st_mode) & 0o222 == 0 for path in (own, *own.iterdir()))
    assert not (own / ".build.json").exists()


def test_what_an_interrupted_writing_left_is_no_marker_and_in_nobody_s_way(prefix: Path) -> None:
    seal(prefix)
    fresh = prefix / "conda-meta/condafs/.build.json"
    fresh.write_text('{"build"')
    assert read_marker(prefix) is None
    write_marker(prefix, BUILD, "{}")
    assert read_marker(prefix) == Marker(str(BUILD), "{}")
