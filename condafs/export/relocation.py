"""Writing a prefix into content that has a placeholder, without writing anything: as pieces of old and new bytes.

The rules are rattler's (crates/rattler/src/install/link.rs), so that the result is what it would install: in text every
placeholder is replaced, and a first line that would be too long for the kernel goes through `sh` or `env`; in binaries
each string keeps its length, filled with NUL.
"""

import re
from pathlib import Path

from condafs.export.environment import Relocatable
from condafs.export.member import Piece, Slice, Source

MAX_SHEBANG = 127
"""Bytes of a first line that every kernel takes whole (BINPRM_BUF_SIZE was 128 before Linux 5.1)."""

_SHEBANG = re.compile(rb"#! *(/(?:\\ |[^ \n\r\t])*)(.*)")
_PYTHON = re.compile(rb"python(?:[0-9]+(?:\.[0-9]+)?)?")


def relocate(content: Relocatable, root: Path, prefix: str) -> tuple[Piece, ...]:
    """The content with a prefix in it.

    Args:
        content: With placeholders.
        root: What paths of sources are relative to.
        prefix: Absolute, without blanks, not longer than the placeholder where that stands in a binary.

    Raises:
        ValueError: It is longer.
        OSError: The file cannot be read.
    """
    source = content.content
    data = source if isinstance(source, bytes) else (root / source.path).read_bytes()
    old, new = content.placeholder.encode(), prefix.encode()
    edits = _binary_edits(data, old, new) if content.is_binary else _text_edits(data, old, new)
    if isinstance(source, bytes):
        return (_apply(data, edits),)
    return tuple(_pieces(source, edits))


_Edit = tuple[int, int, bytes]
"""Begin and end of what is replaced, and by what."""


def _text_edits(data: bytes, old: bytes, new: bytes) -> list[_Edit]:
    edits: list[_Edit] = []
    at = 0
    if data.startswith(b"#!"):
        at = data.find(b"\n")
        at = len(data) if at < 0 else at
        line = data[:at].replace(old, new)
        edits.append((0, at, short_shebang(line) if len(line) > MAX_SHEBANG else line))
    while (found := data.find(old, at)) >= 0:
        at = found + len(old)
        edits.append((found, at, new))
    return edits


def short_shebang(line: bytes) -> bytes:
    """A first line that does as `line` does and is short enough."""
    match = _SHEBANG.match(line)
    if not match:
        return line
    program, arguments = match[1], match[2]
    name = program.rpartition(b"/")[2]
    if _PYTHON.fullmatch(name):
        return b"#!/bin/sh\n'''exec' \"" + program + b'"' + arguments + b' "$0" "$@" #\'\'\''
    return b"#!/usr/bin/env " + name + arguments


def _binary_edits(data: bytes, old: bytes, new: bytes) -> list[_Edit]:
    if len(new) > len(old):
        msg = f"{new.decode()} is longer than the {len(old)} bytes that a package has room for"
        raise ValueError(msg)
    edits: list[_Edit] = []
    at = 0
    while (found := data.find(old, at)) >= 0:
        at = data.find(b"\0", found)
        at = len(data) if at < 0 else at
        replaced = data[found:at].replace(old, new)
        edits.append((found, at, replaced + bytes(at - found - len(replaced))))
    return edits


def _apply(data: bytes, edits: list[_Edit]) -> bytes:
    parts, at = [], 0
    for begin, end, content in edits:
        parts += [data[at:begin], content]
        at = end
    return b"".join([*parts, data[at:]])


def _pieces(source: Source, edits: list[_Edit]) -> list[Piece]:
    pieces: list[Piece] = []
    at = 0
    for begin, end, content in edits:
        if begin > at:
            pieces.append(Slice(source, at, begin - at))
        if content:
            pieces.append(content)
        at = end
    if at < source.size_bytes:
        pieces.append(Slice(source, at, source.size_bytes - at))
    return pieces
