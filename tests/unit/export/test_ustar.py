"""Headers: what tarfile reads is what was meant, whatever the name."""

import io
import os
import tarfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condafs.export.member import Kind, Member, Slice, Source
from condafs.export.ustar import BLOCK, END_OF_ARCHIVE, header, padding

components = st.binary(min_size=1, max_size=255).filter(lambda b: b"/" not in b and b"\0" not in b)
paths = st.lists(components, min_size=1, max_size=4).map(lambda parts: os.fsdecode(b"/".join(parts)))


def read_back(member: Member, content: bytes = b"") -> tarfile.TarInfo:
    archive = io.BytesIO(header(member) + content + padding(len(content)) + END_OF_ARCHIVE)
    with tarfile.open(fileobj=archive, encoding="utf-8", errors="surrogateescape") as tar:
        (info,) = tar.getmembers()
    return info


@given(paths, st.sampled_from([0o644, 0o755]), st.integers(0, (1 << 33) - 1))
def test_any_name_is_read_back(path: str, mode: int, mtime: int) -> None:
    info = read_back(Member(path, Kind.FILE, mode, mtime, (b"abc",)), b"abc")
    assert (info.name.rstrip("/"), info.size, info.mode, info.mtime) == (path.rstrip("/"), 3, mode, mtime)
    assert (info.uid, info.gid, info.uname, info.gname) == (0, 0, "", "")


@given(paths, components.map(os.fsdecode))
def test_any_link_is_read_back(path: str, target: str) -> None:
    info = read_back(Member(path, Kind.LINK, 0o777, 0, target=target))
    assert info.issym()
    assert info.linkname == target


def test_a_directory_ends_with_a_slash_and_is_read_back_as_one() -> None:
    member = Member("a/b", Kind.DIRECTORY, 0o755, 7)
    assert header(member).startswith(b"a/b/\0")
    assert read_back(member).isdir()


@pytest.mark.parametrize("length", [99, 100, 101, 155, 156, 255, 256, 257, 4000])
def test_long_names_use_ustar_where_it_has_room(length: int) -> None:
    name = ("d" * 49 + "/") * (length // 50) + "f" * (length % 50 or 1)
    found = header(Member(name, Kind.FILE, 0o644, 0))
    can_split = any(c == "/" and at <= 155 and len(name) - at - 1 <= 100 for at, c in enumerate(name))
    assert (len(found) == BLOCK) == (len(name) <= 100 or can_split)
    assert read_back(Member(name, Kind.FILE, 0o644, 0)).name == name


@pytest.mark.parametrize("size", [0o77777777777, 0o100000000000, 1 << 40])
def test_sizes_over_8_gib_are_told_by_pax(size: int) -> None:
    content = (Slice(Source("x", size, 0), 0, size),)
    found = header(Member("x", Kind.FILE, 0o644, 0, content))
    assert tarfile.TarInfo.frombuf(found[:BLOCK], "utf-8", "strict").type == (b"x" if size >> 33 else b"0")
    assert f" size={size}\n".encode() in found or not size >> 33


@given(paths)
def test_headers_are_whole_blocks_and_the_same_each_time(path: str) -> None:
    member = Member(path, Kind.FILE, 0o644, 1)
    assert header(member) == header(member)
    assert len(header(member)) % BLOCK == 0


def test_a_time_that_has_no_room_is_the_latest_that_has() -> None:
    found = header(Member("x", Kind.FILE, 0o644, 1 << 40))
    assert len(found) == BLOCK
    assert read_back(Member("x", Kind.FILE, 0o644, 1 << 40)).mtime == 0o77777777777
