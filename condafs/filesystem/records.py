r"""The form of a ledger: what marks it, and records of which each says whether it is whole.

::

    condafs-ledger 3\n
    <kind, 1 byte> <number, 8 bytes> <length, 4 bytes> <CRC-32 of these and the payload, 4 bytes> <payload>  ...

Little-endian. The last record may be torn: its writer was killed before it told anybody of what it says.
"""

import struct
import zlib
from collections.abc import Iterator

MARK = b"condafs-ledger 3\n"
"""At the beginning; the number rises with each change of what is kept and how."""

_HEADER = struct.Struct("<cQI")
_CHECK = struct.Struct("<I")


def record(kind: bytes, number: int, payload: bytes = b"") -> bytes:
    """A record."""
    header = _HEADER.pack(kind, number, len(payload))
    return header + _CHECK.pack(_check(header, payload)) + payload


def read_records(content: bytes) -> Iterator[tuple[bytes, int, bytes]]:
    """The whole records of a ledger: kind, number, payload.

    Raises:
        ValueError: It is not one of this form, or damaged. Nothing of it is to be trusted.
    """
    if content and not content.startswith(MARK):
        msg = "it is of another version of condafs"
        raise ValueError(msg)
    at = len(MARK)
    while at + _HEADER.size + _CHECK.size <= len(content):
        header = content[at : at + _HEADER.size]
        kind, number, length = _HEADER.unpack(header)
        (check,) = _CHECK.unpack_from(content, at + _HEADER.size)
        at += _HEADER.size + _CHECK.size
        payload = content[at : at + length]
        if len(payload) < length:
            return
        if check != _check(header, payload):
            msg = "it is damaged"
            raise ValueError(msg)
        yield kind, number, payload
        at += length


def _check(header: bytes, payload: bytes) -> int:
    return zlib.crc32(payload, zlib.crc32(header))
