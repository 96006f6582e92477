"""Keys of the catalog's tables and back, as `schema` lays them out: LMDB sorts by their bytes.

In values, file names and digests look as they do in keys.
"""

import struct
from typing import Final

from condafs.names import SpecDigest

_SEQUENCE: Final = struct.Struct(">Q")
_USER: Final = struct.Struct(">I")


def text_key(text: str) -> bytes:
    """A name as a key; file names may hold bytes that are no UTF-8."""
    return text.encode("utf-8", "surrogateescape")


def key_text(key: bytes) -> str:
    """The inverse of `text_key`."""
    return key.decode("utf-8", "surrogateescape")


def digest_key(digest: SpecDigest) -> bytes:
    """32 bytes."""
    return bytes.fromhex(digest.hex)


def key_digest(key: bytes) -> SpecDigest:
    """The inverse of `digest_key`."""
    return SpecDigest(key.hex())


def sequence_key(sequence: int) -> bytes:
    """Big-endian, so that byte order is queue order."""
    return _SEQUENCE.pack(sequence)


def key_sequence(key: bytes) -> int:
    """The inverse of `sequence_key`, and the number at the end of an `event_key`."""
    return int(_SEQUENCE.unpack(key[-_SEQUENCE.size :])[0])


def events_key(name: str) -> bytes:
    """What the keys of all events of a name begin with; no name holds a NUL."""
    return text_key(name) + b"\0"


def event_key(name: str, number: int) -> bytes:
    """Key of `events_of`."""
    return events_key(name) + _SEQUENCE.pack(number)


def user_key(uid: int) -> bytes:
    """Key of `usage`."""
    return _USER.pack(uid)


def key_user(key: bytes) -> int:
    """The inverse of `user_key`."""
    return int(_USER.unpack(key)[0])
