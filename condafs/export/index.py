"""The index of an archive: which bytes are known, and which files have the others. Written once, then memory-mapped.

Format, version 1. A line of JSON, padded with blanks to a multiple of eight bytes::

    version     1
    size        bytes of the archive
    sections    name -> [offset in the file, bytes]; each begins at a multiple of eight
    notes       whatever the writer wants to remember

and the sections; numbers are little-endian. *Slices* are the parts that files have, in order; what stands between them
is literal, and the literals follow each other in `chunks`::

    starts      u64 a slice: where it begins in the archive
    sliced      u64 a slice: bytes of this one and all before it
    offsets     u64 a slice: where it begins in its file
    files       u32 a slice: number of its file
    sizes       u64 a file: bytes
    mtimes      i64 a file: nanoseconds since 1970
    parents     u32 a file: number of its directory
    names       u32 a file: where its name ends in `text`; it begins where the one before ends
    text        names of all files
    directories paths, each ended by NUL
    chunk_ends  u64 a chunk: where it ends in `chunks`
    chunks      64 KiB of literals each, compressed by zlib

Headers of a tar are nearly all zeros: an index takes about 0.5 % of the environment. `layout` writes them.
"""

import json
import mmap
import sys
import zlib
from array import array
from typing import Any, Literal, cast

VERSION = 1

TAR, LAYERS = "tar", "layers"
"""The indexes of a build, by the names of their files."""

CHUNK_BYTES = 1 << 16

ALIGN = 8

ARRAYS = {
    "starts": "Q",
    "sliced": "Q",
    "offsets": "Q",
    "files": "I",
    "sizes": "Q",
    "mtimes": "q",
    "parents": "I",
    "names": "I",
    "chunk_ends": "Q",
}


class Index:
    """An index that was written, mapped into memory.

    Args:
        fd: The file; not used any more when this returns.

    Raises:
        ValueError: It is of another version, or no index.

    Attributes:
        size_bytes: Of the archive.
        notes: What the writer wanted to remember.
        starts, sliced, offsets, files, sizes, mtimes: As in the format.
    """

    def __init__(self, fd: int) -> None:
        content = mmap.mmap(fd, 0, prot=mmap.PROT_READ)
        document = json.loads(content[: content.find(b"\n")])
        if not isinstance(document, dict) or document.get("version") != VERSION:
            msg = "it is no index of this version"
            raise ValueError(msg)
        self.size_bytes: int = document["size"]
        self.notes: Any = document["notes"]
        whole = memoryview(content)
        sections = {name: whole[begin : begin + length] for name, (begin, length) in document["sections"].items()}
        if any(len(sections[name]) != length for name, (_, length) in document["sections"].items()):
            msg = "an index is cut off"
            raise ValueError(msg)
        self.starts, self.sliced, self.offsets, self.files, self.sizes, self.mtimes, parents, names, chunk_ends = (
            _numbers(sections[name], code) for name, code in ARRAYS.items()
        )
        self._parents, self._names, self._chunk_ends = parents, names, chunk_ends
        self._text, self._chunks = sections["text"], sections["chunks"]
        self._directories = bytes(sections["directories"]).split(b"\0")

    def path_of(self, file: int) -> bytes:
        """Path of a file, as it was given."""
        name = bytes(self._text[self._names[file - 1] if file else 0 : self._names[file]])
        directory = self._directories[self._parents[file]]
        return directory + b"/" + name if directory else name

    def chunk(self, number: int) -> bytes:
        """One chunk of literals."""
        begin = self._chunk_ends[number - 1] if number else 0
        return zlib.decompress(self._chunks[begin : self._chunk_ends[number]])


def _numbers(section: memoryview, code: str) -> "memoryview[int] | array[int]":
    if sys.byteorder == "little":
        numbers: memoryview[int] = section.cast(cast("Literal['Q']", code))
        return numbers
    values = array(code, section.tobytes())
    values.byteswap()
    return values
