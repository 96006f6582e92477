"""Laying out archives: from members to an index on disk."""

import json
import os
import sys
import zlib
from array import array
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from condafs.export.index import ALIGN, ARRAYS, CHUNK_BYTES, VERSION
from condafs.export.member import Member, Piece, Slice, Source, content_length
from condafs.export.ustar import END_OF_ARCHIVE, header, padding


class IndexWriter:
    """Lays out an archive, piece by piece."""

    def __init__(self) -> None:
        self.size_bytes = 0
        self._arrays = {name: array(code) for name, code in ARRAYS.items()}
        self._sliced = 0
        self._literal = bytearray()
        self._chunks: list[bytes] = []
        self._chunk_end = 0
        self._files: dict[Source, int] = {}
        self._directories: dict[bytes, int] = {}
        self._text: list[bytes] = []
        self._text_end = 0

    def add(self, pieces: Iterable[Piece]) -> None:
        """Bytes that come next."""
        for piece in pieces:
            if isinstance(piece, bytes):
                self._add_literal(piece)
            else:
                self._add_slice(piece)

    def add_member(self, member: Member) -> None:
        """A member of a tar: header, content, padding."""
        self._add_literal(header(member))
        self.add(member.content)
        self._add_literal(padding(content_length(member.content)))

    def end_archive(self) -> None:
        """The two empty blocks that a tar ends with."""
        self._add_literal(END_OF_ARCHIVE)

    def write(self, path: Path, notes: Any = None) -> None:
        """Write the index.

        Args:
            path: Replaced if it is there.
            notes: To be remembered, as JSON.
        """
        self._end_chunks()
        sections = {name: _little_endian(values) for name, values in self._arrays.items()}
        sections["text"] = b"".join(self._text)
        sections["directories"] = b"".join(directory + b"\0" for directory in self._directories)
        sections["chunks"] = b"".join(self._chunks)
        fresh = path.with_name(f".{path.name}-{os.getpid()}")
        with fresh.open("wb") as file:
            head = _head(self.size_bytes, sections, notes)
            file.write(head)
            for content in sections.values():
                file.write(content + bytes(-len(content) % ALIGN))
            file.flush()
            os.fsync(file.fileno())  # after a crash it is whole or not there
        fresh.replace(path)

    def _add_literal(self, content: bytes) -> None:
        self.size_bytes += len(content)
        self._literal += content
        while len(self._literal) >= CHUNK_BYTES:
            self._end_chunk(bytes(self._literal[:CHUNK_BYTES]))
            del self._literal[:CHUNK_BYTES]

    def _end_chunk(self, content: bytes) -> None:
        packed = zlib.compress(content, 6)
        self._chunks.append(packed)
        self._chunk_end += len(packed)
        self._arrays["chunk_ends"].append(self._chunk_end)

    def _end_chunks(self) -> None:
        if self._literal:
            self._end_chunk(bytes(self._literal))
            self._literal.clear()

    def _add_slice(self, piece: Slice) -> None:
        if not piece.length:
            return
        arrays = self._arrays
        self._sliced += piece.length
        arrays["starts"].append(self.size_bytes)
        arrays["sliced"].append(self._sliced)
        arrays["offsets"].append(piece.offset)
        arrays["files"].append(self._number_of(piece.source))
        self.size_bytes += piece.length

    def _number_of(self, source: Source) -> int:
        number = self._files.get(source)
        if number is None:
            number = self._files[source] = len(self._files)
            directory, _, name = os.fsencode(source.path).rpartition(b"/")
            self._text.append(name)
            self._text_end += len(name)
            arrays = self._arrays
            arrays["sizes"].append(source.size_bytes)
            arrays["mtimes"].append(source.mtime_ns)
            arrays["parents"].append(self._directories.setdefault(directory, len(self._directories)))
            arrays["names"].append(self._text_end)
        return number


def _head(size_bytes: int, sections: dict[str, bytes], notes: Any) -> bytes:
    """The first line: its own length decides where the sections begin."""
    room = 0
    while True:
        places, at = {}, room
        for name, content in sections.items():
            places[name] = [at, len(content)]
            at += len(content) + -len(content) % ALIGN
        document = {"version": VERSION, "size": size_bytes, "sections": places, "notes": notes}
        line = json.dumps(document, separators=(",", ":"), sort_keys=True).encode()
        needed = len(line) + 1 + -(len(line) + 1) % ALIGN
        if needed <= room:
            return line + b" " * (room - len(line) - 1) + b"\n"
        room = needed


def _little_endian(values: "array[int]") -> bytes:
    if sys.byteorder == "big":
        values = values[:]
        values.byteswap()
    return values.tobytes()
