"""Reading an archive that does not exist, in any order, by any number of threads, while files are changed under it."""

import errno
import io
import itertools
import os
import tarfile
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from condafs.export.index import CHUNK_BYTES, Index
from condafs.export.layout import IndexWriter
from condafs.export.member import Kind, Member, Piece, Slice, Source, whole
from condafs.export.reader import KEPT_OPEN, Reader

numbers = itertools.count()


def source_of(path: Path) -> Source:
    found = path.stat()
    return Source(path.name, found.st_size, found.st_mtime_ns)


def index_of(directory: Path, pieces: Sequence[Piece]) -> Index:
    writer = IndexWriter()
    writer.add(pieces)
    path = directory / f"index-{next(numbers)}"
    writer.write(path, {"about": "this"})
    return open_index(path)


def open_index(path: Path) -> Index:
    with path.open("rb") as file:
        return Index(file.fileno())


def reader_of(index: Index, root: Path) -> Reader:
    return Reader(index, os.open(root, os.O_PATH))


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Of many sizes; every byte tells where it is."""
    made = []
    for number, size in enumerate([0, 1, 511, 4096, 70_000, 300_000]):
        path = tmp_path / f"file-{number}"
        path.write_bytes(bytes((number * 31 + at * 7 + at // 256) % 256 for at in range(size)))
        made.append(path)
    return made


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_a_layout_read_in_any_slicing_equals_one_sequential_read(
    tmp_path: Path, files: list[Path], data: st.DataObject
) -> None:
    pieces: list[Piece] = []
    whole_text = b""
    for _ in range(data.draw(st.integers(0, 12))):
        if data.draw(st.booleans()):
            literal = data.draw(st.binary(max_size=2000)) * data.draw(st.sampled_from([0, 1, 1, 50]))
            pieces.append(literal)
            whole_text += literal
        else:
            path = data.draw(st.sampled_from(files))
            content = path.read_bytes()
            offset = data.draw(st.integers(0, len(content)))
            length = data.draw(st.integers(0, len(content) - offset))
            pieces.append(Slice(source_of(path), offset, length))
            whole_text += content[offset : offset + length]
    index = index_of(tmp_path, pieces)
    assert index.size_bytes == len(whole_text)
    assert index.notes == {"about": "this"}
    reader = reader_of(index, tmp_path)
    try:
        assert reader.read(0, len(whole_text) + 10) == whole_text
        for _ in range(5):
            offset = data.draw(st.integers(0, len(whole_text) + 5))
            size = data.draw(st.integers(0, CHUNK_BYTES * 3))
            assert reader.read(offset, size) == whole_text[offset : offset + size]
    finally:
        reader.close()


def test_members_make_a_tar(tmp_path: Path, files: list[Path]) -> None:
    writer = IndexWriter()
    for path in files:
        writer.add_member(Member(f"d/{path.name}", Kind.FILE, 0o644, 5, whole(source_of(path))))
    writer.add_member(Member("d/link", Kind.LINK, 0o777, 5, target="file-1"))
    writer.end_archive()
    writer.write(tmp_path / "index")
    reader = reader_of(open_index(tmp_path / "index"), tmp_path)
    archive = bytes(reader.read(0, 1 << 30))
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for path in files:
            found = tar.extractfile(f"d/{path.name}")
            assert found is not None
            assert found.read() == path.read_bytes()
    reader.close()


def test_descriptors_do_not_pile_up(tmp_path: Path, files: list[Path]) -> None:
    before = len(os.listdir("/proc/self/fd"))
    reader = reader_of(index_of(tmp_path, [piece for path in files for piece in whole(source_of(path))]), tmp_path)
    for offset in range(0, reader.index.size_bytes, 1000):
        reader.read(offset, 10)
    directory_and_map = 2
    assert len(os.listdir("/proc/self/fd")) <= before + directory_and_map + KEPT_OPEN
    reader.close()
    del reader
    assert len(os.listdir("/proc/self/fd")) == before


@pytest.mark.parametrize("change", ["longer", "shorter", "touched", "gone", "a link", "a directory"])
def test_a_file_that_changed_is_an_error_and_never_zeros(tmp_path: Path, files: list[Path], change: str) -> None:
    path = files[4]
    reader = reader_of(index_of(tmp_path, [b"before", *whole(source_of(path))]), tmp_path)
    content = path.read_bytes()
    path.unlink()
    match change:
        case "longer":
            path.write_bytes(content + b"x")
        case "shorter":
            path.write_bytes(content[:-1])
        case "touched":
            path.write_bytes(content)
        case "a link":
            path.symlink_to(files[5])
        case "a directory":
            path.mkdir()
    assert reader.read(0, 6) == b"before"
    with pytest.raises(OSError, match=path.name) as caught:
        reader.read(0, 100)
    assert caught.value.errno == errno.EIO
    reader.close()


def test_a_file_that_shrinks_while_it_is_read_is_an_error(tmp_path: Path, files: list[Path]) -> None:
    path = files[5]
    reader = reader_of(index_of(tmp_path, whole(source_of(path))), tmp_path)
    reader.read(0, 10)
    os.truncate(path, 1000)
    with pytest.raises(OSError, match=path.name):
        reader.read(100_000, 10)
    reader.close()


def test_a_directory_that_is_renamed_is_read_on(tmp_path: Path, files: list[Path]) -> None:
    directory = tmp_path / "build"
    directory.mkdir()
    path = directory / "x"
    path.write_bytes(b"content")
    reader = reader_of(index_of(tmp_path, whole(source_of(path))), directory)
    directory.rename(tmp_path / "elsewhere")
    assert reader.read(0, 7) == b"content"
    reader.close()


def test_an_index_that_is_cut_off_or_of_another_version_is_none(tmp_path: Path) -> None:
    index_of(tmp_path, [b"x" * 1000])
    path = next(tmp_path.glob("index-*"))
    content = path.read_bytes()
    path.write_bytes(content[:-8])
    with pytest.raises(ValueError, match="cut off"):
        open_index(path)
    for other in (content.replace(b'"version":1', b'"version":9'), b"[]\n", b"no index\n"):
        path.write_bytes(other)
        with pytest.raises(ValueError, match=r"version|Expecting"):
            open_index(path)
