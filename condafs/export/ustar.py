"""Tar headers: ustar where it can say everything, an extended header before it where not.

Source: POSIX.1-2017, pax(1), "ustar Interchange Format" and "pax Interchange Format"; GNU tar's manual, "Basic Tar
Format". Names are bytes: libarchive changes those in pax headers to another normal form of Unicode, or refuses them in
the C locale (tried), so long names that are not ASCII have GNU's header instead. Owner and group are 0 and have no
names, devices and setuid do not exist here: the same member has the same header on every machine.
"""

import os

from condafs.export.member import Kind, Member, content_length

BLOCK = 512

END_OF_ARCHIVE = bytes(2 * BLOCK)

_TYPES = {Kind.FILE: b"0", Kind.LINK: b"2", Kind.DIRECTORY: b"5"}
_PAX = b"x"
_PAX_NAME = b"././@PaxHeader"
_LONG_NAME, _LONG_LINK, _LONG = b"L", b"K", b"././@LongLink"

_MAX_NAME, _MAX_PREFIX, _MAX_LINK = 100, 155, 100
_MAX_SIZE = 0o77777777777
"""8 GiB less one byte: eleven octal digits."""


def header(member: Member) -> bytes:
    """All that stands before the content of a member, in whole blocks.

    Args:
        member: Its mtime is not negative.
    """
    name = os.fsencode(member.path) + (b"/" if member.kind is Kind.DIRECTORY else b"")
    target = os.fsencode(member.target)
    size = content_length(member.content)
    prefix, rest = _split(name)
    before = b""
    extended: list[tuple[bytes, bytes]] = []
    for sort, key, text, is_long in (
        (_LONG_NAME, b"path", name, len(rest) > _MAX_NAME),
        (_LONG_LINK, b"linkpath", target, len(target) > _MAX_LINK),
    ):
        if is_long and text.isascii():
            extended.append((key, text))
        elif is_long:
            before += _block(_LONG, b"", 0o644, len(text) + 1, 0, sort) + text + b"\0" + padding(len(text) + 1)
    if size > _MAX_SIZE:
        extended.append((b"size", b"%d" % size))
    if extended:
        before += _pax(extended)
    rest, size, target = rest[:_MAX_NAME], min(size, _MAX_SIZE), target[:_MAX_LINK]
    return before + _block(rest, prefix, member.mode, size, member.mtime, _TYPES[member.kind], target)


def padding(size_bytes: int) -> bytes:
    """What fills the last block of a content."""
    return bytes(-size_bytes % BLOCK)


def _split(name: bytes) -> tuple[bytes, bytes]:
    """Name divided at a slash, so that both parts fit where they can."""
    if len(name) <= _MAX_NAME:
        return b"", name
    at = name.find(b"/", len(name) - _MAX_NAME - 1)
    if 0 < at <= _MAX_PREFIX and at < len(name) - 1:
        return name[:at], name[at + 1 :]
    return b"", name


def _block(  # noqa: PLR0913, PLR0917 - a header has these fields
    name: bytes, prefix: bytes, mode: int, size: int, mtime: int, sort: bytes, target: bytes = b""
) -> bytes:
    block = bytearray(BLOCK)
    block[0 : len(name)] = name
    block[100:108] = b"%07o\0" % mode
    block[108:116] = block[116:124] = b"0000000\0"
    block[124:136] = b"%011o\0" % size
    block[136:148] = b"%011o\0" % min(mtime, _MAX_SIZE)  # the year 2242
    block[148:156] = b" " * 8
    block[156:157] = sort
    block[157 : 157 + len(target)] = target
    block[257:265] = b"ustar\x0000"
    block[345 : 345 + len(prefix)] = prefix
    block[148:156] = b"%06o\0 " % sum(block)
    return bytes(block)


def _pax(records: list[tuple[bytes, bytes]]) -> bytes:
    body = b"".join(_record(key, value) for key, value in records)
    return _block(_PAX_NAME, b"", 0o644, len(body), 0, _PAX) + body + padding(len(body))


def _record(key: bytes, value: bytes) -> bytes:
    """`<length of all this> <key>=<value>` and a newline."""
    rest = b" " + key + b"=" + value + b"\n"
    length = len(rest) + len(b"%d" % len(rest))
    if len(b"%d" % length) > len(b"%d" % len(rest)):
        length += 1
    return b"%d" % length + rest
