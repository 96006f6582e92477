"""Laws of the gzip file that is computed: it is one, of a known size, and any part of it is the slice of the whole."""

import gzip
import zlib

from hypothesis import given
from hypothesis import strategies as st

from condafs.web.stored_gzip import BLOCK_BYTES, TRAILER_BYTES, gzip_size, span_of, trailer, wrap

near_blocks = st.builds(
    lambda blocks, more: max(0, blocks * BLOCK_BYTES + more), st.integers(0, 3), st.integers(-7, 7)
) | st.integers(0, 200)


def content_of(size: int) -> bytes:
    return (bytes(range(251)) * (size // 251 + 1))[:size]


def part(content: bytes, offset: int, size: int) -> bytes:
    """A part of the file but its trailer, made of what `span_of` asks for."""
    begin, end = span_of(len(content), offset, size)
    return wrap(content[begin:end], begin, len(content), offset, size)


def whole(content: bytes) -> bytes:
    body = part(content, 0, gzip_size(len(content)) - TRAILER_BYTES)
    return body + trailer(zlib.crc32(content), len(content))


@given(near_blocks)
def test_decompressing_is_the_inverse_and_the_size_is_known(size: int) -> None:
    content = content_of(size)
    file = whole(content)
    assert gzip.decompress(file) == content
    assert len(file) == gzip_size(size)


@given(near_blocks, st.data())
def test_any_part_is_the_slice_of_the_whole(size: int, data: st.DataObject) -> None:
    content = content_of(size)
    body = whole(content)[:-TRAILER_BYTES]
    offset = data.draw(st.integers(0, len(body) - 1) | st.sampled_from([0, 9, 10, 14, 15, len(body) - 1]))
    length = data.draw(st.integers(1, len(body)))
    assert part(content, offset, length) == body[offset : offset + length]


@given(near_blocks, st.lists(st.integers(20_000, 2 * BLOCK_BYTES), min_size=1, max_size=8))
def test_a_file_read_in_pieces_of_any_length_is_the_file(size: int, lengths: list[int]) -> None:
    content = content_of(size)
    end = gzip_size(size) - TRAILER_BYTES
    pieces, offset, turn = [], 0, 0
    while offset < end:
        length = min(lengths[turn % len(lengths)], end - offset)
        pieces.append(part(content, offset, length))
        assert len(pieces[-1]) == length
        offset, turn = offset + length, turn + 1
    assert b"".join(pieces) == whole(content)[:end]


@given(near_blocks, st.integers(0, 300_000), st.integers(1, 300_000))
def test_no_more_content_is_read_than_two_blocks_around_the_part(size: int, offset: int, length: int) -> None:
    begin, end = span_of(size, offset, length)
    assert 0 <= begin <= end <= size
    assert begin % BLOCK_BYTES == 0 or begin == size
    assert end - begin <= length + 2 * BLOCK_BYTES


def test_the_length_in_the_trailer_is_that_of_the_content_modulo_four_gigabytes() -> None:
    assert trailer(0, (1 << 32) + 5) == bytes(4) + (5).to_bytes(4, "little")
