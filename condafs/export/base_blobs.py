"""Files in an archive, or in a directory, that hold an image: where they are, and the small ones read.

Nothing is unpacked: what is large is told by its place in the archive. The file may be anybody's, so nothing in it is
taken for as large, as many or as well-formed as it says.
"""

import io
import os
import posixpath
import stat
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from condafs.errors import UserError
from condafs.export.member import Slice, Source

Find: TypeAlias = Callable[[str], Slice | None]
"""The place of a file by its name; None when there is none of that name."""

MAX_DOCUMENT_BYTES = 4 << 20
"""What registries take of a manifest (OCI distribution specification, "Pushing Manifests")."""

MAX_MEMBERS = 10_000
"""Of an archive; 127 layers of some platforms are about a thousand."""

_MAX_HEADER_BYTES = 64 << 10
"""Of extended headers; names in images are short."""

_COMPRESSED = {
    b"\x1f\x8b": ("gzip", "gunzip"),
    b"\x28\xb5\x2f\xfd": ("zstd", "unzstd"),
    b"\xfd7zXZ\0": ("xz", "unxz"),
    b"BZh": ("bzip2", "bunzip2"),
}
"""First bytes -> what it is, and what undoes it."""


def open_blobs(path: Path) -> Find:
    """Look into an archive or a directory.

    Args:
        path: Absolute.

    Raises:
        UserError: There is nothing to look into; the text says what there is.
    """
    real = Path(os.path.realpath(path))
    try:
        if real.is_dir():
            return lambda name: _in_directory(real, name)
        # O_NONBLOCK: opening a named pipe would wait for a writer.
        with os.fdopen(os.open(real, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC), "rb", buffering=0) as file:
            found = os.fstat(file.fileno())
            if not stat.S_ISREG(found.st_mode):
                msg = f"the base {path} is neither an archive nor a directory"
                raise UserError(msg)
            _refuse_compressed(path, os.pread(file.fileno(), 8, 0))
            return _scan(path, file.fileno(), Source(str(real), found.st_size, found.st_mtime_ns)).get
    except FileNotFoundError:
        msg = f"there is no base {path}; `skopeo copy docker://IMAGE oci-archive:{path}` would make one"
        raise UserError(msg) from None
    except OSError as error:
        msg = f"the base {path} cannot be read: {error.strerror}"
        raise UserError(msg) from error


def compression_of(first: bytes) -> str:
    """The name of what a file that begins so is compressed with; "" for nothing."""
    return next((name for magic, (name, _) in _COMPRESSED.items() if first.startswith(magic)), "")


def read_blob(place: Slice, size_bytes: int | None = None) -> bytes:
    """Read a document, or its beginning.

    Args:
        place: Where it is.
        size_bytes: How much of it; None for all.

    Raises:
        ValueError: It is larger than documents are, or not there any more; the text is the end of a sentence.
    """
    length = place.length if size_bytes is None else min(size_bytes, place.length)
    if length > MAX_DOCUMENT_BYTES:
        msg = f"a document of {length} bytes is larger than any of an image"
        raise ValueError(msg)
    try:
        fd = os.open(place.source.path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            content = os.pread(fd, length, place.offset)
        finally:
            os.close(fd)
    except OSError as error:
        msg = f"a file of it cannot be read: {error.strerror}"
        raise ValueError(msg) from error
    if len(content) != length:
        msg = "it became shorter while it was read"
        raise ValueError(msg)
    return content


def _in_directory(top: Path, name: str) -> Slice | None:
    path = top / posixpath.normpath(f"/{name}").lstrip("/")
    try:
        found = path.lstat()
        # A link on the way could lead to files that whoever made the directory cannot read, and the daemon can.
        is_inside = os.path.realpath(path) == str(path)
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(found.st_mode) or not is_inside:
        return None
    return Slice(Source(str(path), found.st_size, found.st_mtime_ns), 0, found.st_size)


def _refuse_compressed(path: Path, first: bytes) -> None:
    if how := compression_of(first):
        command = next(command for name, command in _COMPRESSED.values() if name == how)
        msg = f"the base {path} is compressed with {how}, and is read out of order: decompress it with {command}"
        raise UserError(msg)


class _Headers(io.FileIO):
    """A file that tarfile reads headers from: it would take a gigabyte into memory if one said it were as large."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or not 0 <= size <= _MAX_HEADER_BYTES:
            msg = "a header is too large"
            raise tarfile.ReadError(msg)
        return super().read(size) or b""


def _scan(path: Path, fd: int, source: Source) -> dict[str, Slice]:
    """Where the files of an archive are; of two with one name the later, as if it were unpacked."""
    files: dict[str, Slice] = {}
    links: dict[str, str] = {}
    try:
        with _Headers(fd, closefd=False) as headers, tarfile.open(fileobj=headers, mode="r:") as tar:
            for count, member in enumerate(tar):
                if count == MAX_MEMBERS:
                    msg = f"it has more than {MAX_MEMBERS} members"
                    raise tarfile.ReadError(msg)
                name = posixpath.normpath(member.name)
                is_inside = 0 <= member.size <= source.size_bytes - member.offset_data
                if member.issym():
                    links[name] = posixpath.normpath(posixpath.join(posixpath.dirname(name), member.linkname))
                elif member.islnk():
                    links[name] = posixpath.normpath(member.linkname)
                elif member.isreg() and not member.issparse() and is_inside:
                    files[name] = Slice(source, member.offset_data, member.size)
    except (tarfile.TarError, ValueError, OverflowError, RecursionError) as error:
        msg = f"the base {path} is not a tar archive, or a damaged one: {error}"
        raise UserError(msg) from None
    # `docker save` before 25 has a link for a layer that another image of the archive has as well.
    return files | {name: files[target] for name, target in links.items() if target in files}
