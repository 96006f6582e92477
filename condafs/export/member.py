"""What an archive holds, as values: members, and where the bytes of each come from. Nothing here reads a file."""

from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias


class Kind(StrEnum):
    """What stands at a path."""

    DIRECTORY = "d"
    FILE = "f"
    LINK = "l"


@dataclass(frozen=True, slots=True)
class Source:
    """A file on the native disk, as it was when the archive was laid out.

    Attributes:
        path: Absolute, or relative to the prefix that the archive is of.
        size_bytes, mtime_ns: What tells that it was changed since.
    """

    path: str
    size_bytes: int
    mtime_ns: int


@dataclass(frozen=True, slots=True)
class Slice:
    """Some bytes of a file."""

    source: Source
    offset: int
    length: int


Piece: TypeAlias = bytes | Slice
"""Bytes that are known, or bytes that are read when they are asked for."""


def whole(source: Source) -> tuple[Piece, ...]:
    """All of a file."""
    return (Slice(source, 0, source.size_bytes),) if source.size_bytes else ()


def content_length(content: tuple[Piece, ...]) -> int:
    """How many bytes pieces are together."""
    return sum(len(piece) if isinstance(piece, bytes) else piece.length for piece in content)


@dataclass(frozen=True, slots=True)
class Member:
    """One member of an archive.

    Attributes:
        path: Below the archive's top, without a slash at either end; surrogate escapes stand for bytes that are not
            UTF-8.
        kind: What it is.
        mode: Permission bits.
        mtime: Whole seconds since 1970.
        content: Of a file.
        target: Of a link.
    """

    path: str
    kind: Kind
    mode: int
    mtime: int
    content: tuple[Piece, ...] = ()
    target: str = ""
