"""A shared library, made by hand."""

import struct

SYMBOLS_BYTES = 100_000


def make_elf(
    *,
    needed: str = "libx.so.1",
    search_path: str = "/old/lib/folder",
    with_dynamic: bool = True,
    runpath_tag: int = 29,
    big_symbols: bool = True,
) -> bytes:
    """One loaded segment at address 0x1000, with or without a dynamic section, and symbols behind it."""
    strings = b"\0" + needed.encode() + b"\0" + search_path.encode() + b"\0"
    segments = 2 if with_dynamic else 1
    dynamic_offset = 64 + 56 * segments
    strings_offset = dynamic_offset + 16 * 5
    loaded = strings_offset + len(strings)
    header = struct.pack(
        "<16sHHIQQQIHHHHHH", b"\x7fELF\x02\x01\x01", 3, 62, 1, 0, 64, loaded, 0, 64, 56, segments, 64, 5, 4
    )
    table = struct.pack("<IIQQQQQQ", 1, 5, 0, 0x1000, 0x1000, loaded, loaded, 0x1000)
    if with_dynamic:
        table += struct.pack("<IIQQQQQQ", 2, 6, dynamic_offset, 0x1000 + dynamic_offset, 0, 80, 80, 8)
    runpath = (runpath_tag, 2 + len(needed)) if search_path else (0, 0)
    entries = [(1, 1), (5, 0x1000 + strings_offset), runpath, (0, 0), (1, 999)]
    dynamic = b"".join(struct.pack("<qQ", *entry) for entry in entries) if with_dynamic else bytes(80)
    return header + table + dynamic + strings + b"S" * (SYMBOLS_BYTES if big_symbols else 100)
