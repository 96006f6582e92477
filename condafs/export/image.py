"""`.oci`: layers and documents as one tar that is an OCI archive and a docker archive at once.

Members, in this order (OCI image-layout specification; docker's image specification v1.2, "Combined Image JSON")::

    oci-layout
    blobs/sha256/<digest>      each layer, the lowest first
    blobs/sha256/<digest>      configuration, manifest
    index.json                 OCI
    manifest.json              docker

Digests have a fixed length, so all sizes are known before anything is hashed, and the header of a layer waits for the
hashing of that layer alone; what comes after the layers waits for all.
"""

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from hashlib import sha256
from typing import TypeAlias

from condafs.export.documents import OCI_LAYOUT
from condafs.export.member import Kind, Member, Slice, Source
from condafs.export.pool import Part, Stretch
from condafs.export.ustar import END_OF_ARCHIVE, header, padding

UNKNOWN = "0" * 64
"""Stands for a digest where only lengths matter."""


@dataclass(frozen=True, slots=True)
class Documents:
    """What an image says of itself."""

    config: bytes
    manifest: bytes
    index: bytes
    docker: bytes


DocumentsOf: TypeAlias = Callable[[tuple[str, ...]], Documents]
"""The documents for layers of these digests; their lengths do not depend on them."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """Some bytes of the archive.

    Attributes:
        start, size_bytes: Where it is.
        layers: Numbers of the layers whose digests decide what it is.
        content: A layer, or what computes the bytes from the digests of all layers.
    """

    start: int
    size_bytes: int
    layers: range
    content: Stretch | Callable[[Sequence[str]], bytes]


class ImageArchive:
    """One image.

    Args:
        layers: The lowest first.
        documents: Makes the documents.

    Attributes:
        size_bytes: Of the archive.
    """

    def __init__(self, layers: Sequence[Stretch], documents: DocumentsOf) -> None:
        # Parts refer to this and not to the archive: a circle would keep descriptors open until somebody collects it.
        self._documents = lru_cache(2)(documents)
        self._parts: list[_Piece] = []
        self.size_bytes = 0
        self._lay_out(layers)
        self._starts = [part.start for part in self._parts]

    def _lay_out(self, layers: Sequence[Stretch]) -> None:
        everything = range(len(layers))
        documents = self._documents
        unknown = documents((UNKNOWN,) * len(layers))
        self._append(range(0), _constant(_member("oci-layout", OCI_LAYOUT)))
        self._append(range(0), _constant(_directories()))
        for number, layer in enumerate(layers):
            self._append(range(number, number + 1), _layer_header(number, layer.size_bytes))
            self._parts.append(_Piece(self.size_bytes, layer.size_bytes, range(0), layer))
            self.size_bytes += layer.size_bytes
            self._append(range(0), _constant(padding(layer.size_bytes)))
        size = len(_members(unknown))
        self._parts.append(
            _Piece(self.size_bytes, size, everything, lambda digests: _members(documents(tuple(digests))))
        )
        self.size_bytes += size

    def _append(self, layers: range, content: Callable[[Sequence[str]], bytes]) -> None:
        size = len(content([UNKNOWN] * layers.stop))
        if size:
            self._parts.append(_Piece(self.size_bytes, size, layers, content))
            self.size_bytes += size

    def layers_needed(self, offset: int, size: int) -> range:
        """The layers whose digests have to be known to read there."""
        needed = [part.layers for part in self._touched(offset, size) if part.layers]
        return range(min(r.start for r in needed), max(r.stop for r in needed)) if needed else range(0)

    def parts(self, offset: int, size: int, digests: Sequence[str]) -> list[Part]:
        """What stands from `offset` on; less than `size` bytes only at the end.

        Args:
            offset: In bytes.
            size: In bytes.
            digests: Of all layers; only those of `layers_needed` have to be right.
        """
        end = min(offset + size, self.size_bytes)
        found: list[Part] = []
        for part in self._touched(offset, size):
            begin = max(offset, part.start) - part.start
            stop = min(end, part.start + part.size_bytes) - part.start
            if isinstance(part.content, Stretch):
                found.append(replace(part.content, offset=part.content.offset + begin, size_bytes=stop - begin))
            else:
                found.append(part.content(digests)[begin:stop])
        return found

    def _touched(self, offset: int, size: int) -> Sequence[_Piece]:
        first = max(0, bisect_right(self._starts, offset) - 1)
        last = bisect_right(self._starts, offset + size - 1) if size > 0 else first
        return self._parts[first:last]


def _constant(content: bytes) -> Callable[[Sequence[str]], bytes]:
    return lambda _: content


def _layer_header(number: int, size_bytes: int) -> Callable[[Sequence[str]], bytes]:
    return lambda digests: _header(f"blobs/sha256/{digests[number]}", size_bytes)


def _members(documents: Documents) -> bytes:
    """All that comes after the layers."""
    blobs = [(f"blobs/sha256/{sha256(blob).hexdigest()}", blob) for blob in (documents.config, documents.manifest)]
    members = [*blobs, ("index.json", documents.index), ("manifest.json", documents.docker)]
    return b"".join(_member(path, content) for path, content in members) + END_OF_ARCHIVE


def _directories() -> bytes:
    return b"".join(header(Member(path, Kind.DIRECTORY, 0o755, 0)) for path in ("blobs", "blobs/sha256"))


def _member(path: str, content: bytes) -> bytes:
    return _header(path, len(content)) + content + padding(len(content))


def _header(path: str, size_bytes: int) -> bytes:
    return header(Member(path, Kind.FILE, 0o644, 0, (Slice(Source("", 0, 0), 0, size_bytes),)))
