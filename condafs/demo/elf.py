"""Just enough of ELF to move a program: which libraries it needs, where it looks, and how to change that in place.

Source: System V ABI, chapters 4 and 5 (elf(5)). Only 64-bit little-endian files are understood, which are all that
the platforms with pyfuse3 wheels or Debian builds have; others are left as they are.
"""

import struct
from dataclasses import dataclass
from typing import Self

_HEADER = struct.Struct("<16sHHIQQQIHHHHHH")
_SEGMENT = struct.Struct("<IIQQQQQQ")
_DYNAMIC = struct.Struct("<qQ")
_MAGIC = b"\x7fELF\x02\x01"  # 64 bits, little-endian
_PT_LOAD, _PT_DYNAMIC = 1, 2
_DT_NULL, _DT_NEEDED, _DT_STRTAB, _DT_RPATH, _DT_RUNPATH = 0, 1, 5, 15, 29
_SECTION_FIELDS = slice(40, 48), slice(58, 64)
"""Where the header has e_shoff, and e_shentsize, e_shnum, e_shstrndx."""
_WORTH_CUTTING_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Elf:
    """The dynamic section of a program or library.

    Attributes:
        needed: Names of the libraries that it is linked with.
        search_path: Its RUNPATH or RPATH, "" for none.
        search_offset: Where in the file that text stands.
        loaded_bytes: How much of the file is ever mapped; symbols for debuggers come after that.
    """

    needed: tuple[str, ...]
    search_path: str
    search_offset: int
    loaded_bytes: int

    @classmethod
    def parse(cls, content: bytes) -> Self | None:
        """Read a file; None when it is no ELF that is understood here."""
        if not content.startswith(_MAGIC):
            return None
        segments = _segments(content)
        dynamic = next((s for s in segments if s[0] == _PT_DYNAMIC), None)
        loads = [(s[3], s[2], s[5]) for s in segments if s[0] == _PT_LOAD]
        loaded_bytes = max((offset + size for _, offset, size in loads), default=len(content))
        if dynamic is None:
            return cls((), "", 0, loaded_bytes)
        entries = _dynamic_entries(content, dynamic[2], dynamic[5])
        strings = _file_offset(loads, next(value for tag, value in entries if tag == _DT_STRTAB))
        needed = tuple(_text(content, strings + value) for tag, value in entries if tag == _DT_NEEDED)
        search = [strings + value for tag, value in entries if tag in (_DT_RPATH, _DT_RUNPATH)]
        return cls(needed, _text(content, search[0]) if search else "", search[0] if search else 0, loaded_bytes)


def with_search_path(content: bytes, elf: Elf, search_path: str) -> bytes:
    """`content` looking for libraries in `search_path`; unchanged when the new text is longer than the old one."""
    room = len(elf.search_path.encode())
    text = search_path.encode()
    if len(text) > room:
        return content
    start = elf.search_offset
    return content[:start] + text.ljust(room, b"\0") + content[start + room :]


def without_symbols(content: bytes, elf: Elf) -> bytes:
    """`content` without what is never loaded, when that is worth it: 20 MB of an unstripped libpython."""
    if len(content) - elf.loaded_bytes < _WORTH_CUTTING_BYTES:
        return content
    kept = bytearray(content[: elf.loaded_bytes])
    for field in _SECTION_FIELDS:
        kept[field] = bytes(field.stop - field.start)
    return bytes(kept)


def _segments(content: bytes) -> list[tuple[int, ...]]:
    header = _HEADER.unpack_from(content)
    offset, entry_bytes, count = header[5], header[9], header[10]
    return [_SEGMENT.unpack_from(content, offset + index * entry_bytes) for index in range(count)]


def _dynamic_entries(content: bytes, offset: int, size_bytes: int) -> list[tuple[int, int]]:
    entries: list[tuple[int, int]] = []
    for position in range(offset, offset + size_bytes, _DYNAMIC.size):
        tag, value = _DYNAMIC.unpack_from(content, position)
        if tag == _DT_NULL:
            break
        entries.append((tag, value))
    return entries


def _file_offset(loads: list[tuple[int, int, int]], address: int) -> int:
    return next(address - start + offset for start, offset, size in loads if start <= address < start + size)


def _text(content: bytes, offset: int) -> str:
    return content[offset : content.index(b"\0", offset)].decode()
