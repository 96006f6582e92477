"""A gzip file that compresses nothing: its size is known beforehand, and any part of it can be computed by itself.

conda-store's clients want archives as `.tar.gz`. Compressing a gigabyte on the fly takes a core for half a minute,
gives no size, and cannot be taken up where it broke off. RFC 1951 (3.2.4) allows blocks that are stored as they are,
up to 65,535 bytes each behind five bytes of header; RFC 1952 puts ten bytes before them, CRC-32 and length after::

    header 10 | (5 + 65535) ... (5 + rest, final) | CRC-32 4 | length mod 2**32 4
"""

import struct

BLOCK_BYTES = 0xFFFF
_BLOCK_HEAD = 5
_STRIDE = BLOCK_BYTES + _BLOCK_HEAD

HEADER = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"
"""Deflate, no name, no time, unknown system: the same bytes for the same content."""

TRAILER_BYTES = 8


def gzip_size(content_bytes: int) -> int:
    """Bytes of the file."""
    return len(HEADER) + _blocks(content_bytes) * _BLOCK_HEAD + content_bytes + TRAILER_BYTES


def trailer(crc32: int, content_bytes: int) -> bytes:
    """The end of the file."""
    return struct.pack("<II", crc32, content_bytes & 0xFFFFFFFF)


def _blocks(content_bytes: int) -> int:
    return max(1, -(-content_bytes // BLOCK_BYTES))


def span_of(content_bytes: int, offset: int, size_bytes: int) -> tuple[int, int]:
    """Which content is needed for a part of the file, the trailer left out.

    Returns:
        (begin, end) in the content, whole blocks.
    """
    first = max(0, offset - len(HEADER)) // _STRIDE
    last = max(0, offset + size_bytes - 1 - len(HEADER)) // _STRIDE
    begin = min(first * BLOCK_BYTES, content_bytes)
    return begin, max(begin, min((last + 1) * BLOCK_BYTES, content_bytes))


def wrap(content: bytes, begin: int, content_bytes: int, offset: int, size_bytes: int) -> bytes:
    """A part of the file, without the trailer.

    Args:
        content: What `span_of` asks for.
        begin: Where in the whole content it begins; a multiple of BLOCK_BYTES.
        content_bytes: Of the whole.
        offset: Where the part begins.
        size_bytes: Of the part; what reaches into the trailer is cut off.
    """
    pieces: list[bytes | memoryview] = [HEADER] if begin == 0 else []
    place = 0 if begin == 0 else len(HEADER) + begin // BLOCK_BYTES * _STRIDE
    view = memoryview(content)
    for start in range(0, max(len(content), 1), BLOCK_BYTES):
        block = view[start : start + BLOCK_BYTES]
        is_last = begin + start + len(block) >= content_bytes
        pieces += [struct.pack("<BHH", is_last, len(block), len(block) ^ 0xFFFF), block]
    return b"".join(pieces)[offset - place : offset - place + size_bytes]
