"""Just enough of ELF to know what loads a program (elf(5)): either width, either byte order."""

import struct
from pathlib import Path

_PT_INTERP = 3
_MAX_PATH_BYTES = 4096
_MAX_TABLE_BYTES = 1 << 20

_WIDTHS = {
    # Class of the file: offset and form of e_phoff; of e_phentsize and e_phnum; of p_offset and p_filesz in an entry.
    1: ((28, "I"), (42, "HH"), (4, "I"), (16, "I")),
    2: ((32, "Q"), (54, "HH"), (8, "Q"), (32, "Q")),
}
_ORDERS = {1: "<", 2: ">"}


def program_interpreter(path: Path) -> str | None:
    """The loader that a program asks for.

    Returns:
        The path in its PT_INTERP; None when it has none, and so is static or a library.

    Raises:
        OSError: It cannot be read.
        ValueError: It is no ELF file, or a damaged one.
    """
    with path.open("rb") as file:
        head = file.read(64)
        try:
            if not head.startswith(b"\x7fELF"):
                raise ValueError  # noqa: TRY301 - the same sentence as for what is damaged
            order = _ORDERS[head[5]]
            table, entries, offset_field, size_field = _WIDTHS[head[4]]
            start = struct.unpack_from(order + table[1], head, table[0])[0]
            entry_bytes, count = struct.unpack_from(order + entries[1], head, entries[0])
            file.seek(start)
            segments = file.read(min(entry_bytes * count, _MAX_TABLE_BYTES))
            for at in range(0, entry_bytes * count, max(entry_bytes, 1)):
                if struct.unpack_from(order + "I", segments, at)[0] == _PT_INTERP:
                    offset = struct.unpack_from(order + offset_field[1], segments, at + offset_field[0])[0]
                    size = struct.unpack_from(order + size_field[1], segments, at + size_field[0])[0]
                    file.seek(offset)
                    return file.read(min(size, _MAX_PATH_BYTES)).rstrip(b"\0").decode()
        except (ValueError, KeyError, IndexError, OverflowError, struct.error):
            msg = f"{path} is not a program in ELF"
            raise ValueError(msg) from None
    return None
