"""The text of a specification file: decoded, measured, and able to point at its own places.

Everything below `parse` refuses through `Source.refusal`, so that each refusal has its line, its column and its caret,
and so that no refusal shows a credential, a control character or a line without end.
"""

import re
from dataclasses import dataclass

from condafs.errors import Position, SpecificationError
from condafs.spec.credentials import mask_credentials, mask_in_place

MAX_BYTES = 1 << 20
"""1 MiB: the longest environment files in public repositories are about 40 KiB, locks of many packages some 500 KiB."""

SHOWN_CHARACTERS = 240
"""As much of a line, or of a sentence, as a refusal shows: no megabyte in a log."""

_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")
"""What YAML 1.1 (4.2) calls a break: lines are counted as the YAML library counts them."""

_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ufffe\uffff]")
"""Not printable in YAML 1.1 (4.1.1)."""


@dataclass(frozen=True, slots=True, order=True)
class Place:
    """A place in a text; line and column count from 1, columns in characters."""

    line: int
    column: int


@dataclass(frozen=True, slots=True)
class Source:
    """A decoded file and its lines."""

    text: str
    lines: tuple[str, ...]

    @classmethod
    def of(cls, text: str) -> "Source":
        """The source of a decoded text."""
        return cls(text, tuple(_LINE_BREAK.split(text)))

    def line(self, number: int) -> str:
        """That line, "" past the end."""
        return self.lines[number - 1] if 0 < number <= len(self.lines) else ""

    def place_of(self, offset: int) -> Place:
        """The place of a character of the text."""
        start, number = 0, 1
        for match in _LINE_BREAK.finditer(self.text, 0, offset):
            start, number = match.end(), number + 1
        return Place(number, offset - start + 1)

    def position(self, place: Place) -> Position:
        """The place with its line, fit to be shown to anybody."""
        return Position(place.line, place.column, _showable(self.line(place.line)))

    def refusal(self, place: Place | None, message: str, hint: str | None = None) -> SpecificationError:
        """The error to raise; credentials in any part of it are masked."""
        return SpecificationError(
            _short(mask_credentials(message)),
            self.position(place) if place else None,
            _short(mask_credentials(hint)) if hint else None,
        )


def _showable(line: str) -> str:
    return _short(_CONTROL.sub("\ufffd", mask_in_place(line)))


def _short(text: str) -> str:
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "…"


def decode(content: bytes) -> Source:
    """Read the bytes of a file: UTF-8, or UTF-16 as Windows PowerShell redirects into; with or without a BOM.

    Raises:
        SpecificationError: Longer than MAX_BYTES, neither encoding, or with characters that no text has.
    """
    if len(content) > MAX_BYTES:
        msg = f"the file has more than {MAX_BYTES:,} bytes (1 MiB), the most that a specification can have"
        raise SpecificationError(
            msg, hint="is it the right file? An environment file is rarely longer than a few pages"
        )
    encoding = _encoding(content)
    try:
        source = Source.of(content.decode(encoding).removeprefix("\ufeff"))
    except UnicodeDecodeError as error:
        raise _undecodable(content, encoding, error.start) from None
    if control := _CONTROL.search(source.text):
        name = f"U+{ord(control[0]):04X}"
        msg = f"the character {name} cannot stand in a text file"
        raise source.refusal(source.place_of(control.start()), msg, "is it a text file? Remove the character")
    return source


def _encoding(content: bytes) -> str:
    """UTF-16 by its BOM, or by the zero byte beside an ASCII character that such a file begins with."""
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if len(content) >= 2 and len(content) % 2 == 0:  # noqa: PLR2004 - bytes of one UTF-16 unit
        if content[0] and not content[1]:
            return "utf-16-le"
        if content[1] and not content[0]:
            return "utf-16-be"
    return "utf-8"


def _undecodable(content: bytes, encoding: str, offset: int) -> SpecificationError:
    if encoding != "utf-8":
        return SpecificationError("the file begins as UTF-16, but is not", hint="save it as UTF-8")
    before = content[:offset].decode(errors="replace").removeprefix("\ufeff")
    source = Source.of(content.decode(errors="replace").removeprefix("\ufeff"))
    msg = f"the byte 0x{content[offset]:02x} is not UTF-8"
    return source.refusal(source.place_of(len(before)), msg, "save the file as UTF-8 (it may be Latin-1 now)")
