"""Writes `.conda` archives with nothing but the standard library.

Format (conda-package-handling, "The .conda file format")::

    <stem>.conda            zip, members stored:
        metadata.json
        pkg-<stem>.tar.zst  the files
        info-<stem>.tar.zst info/

The zstd frames are written by hand and hold raw blocks (RFC 8878, 3.1.1.2): no compressor is needed, making and
reading them costs what copying costs, and these channels never leave the machine.
"""

import hashlib
import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, Any

from condafs.demo.package import Package, PackageFile, info_files, paths_entry

_FRAME_HEADER = bytes.fromhex("28b52ffd 00 38")  # magic; no checksum, no size; a window of 128 KiB (2^(10+7))
_BLOCK_BYTES = 128 * 1024  # RFC 8878, 3.1.1.2.4: the most a block can hold
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)  # the same files give the same archive


class RawZstdFile(io.RawIOBase):
    """A file object to write to: passes bytes on as raw blocks of one zstd frame."""

    def __init__(self, target: IO[bytes]) -> None:
        super().__init__()
        self._target = target
        target.write(_FRAME_HEADER)

    def writable(self) -> bool:
        """Always."""
        return True

    def write(self, content: Any) -> int:
        """Write `content` as blocks of at most 128 KiB."""
        view = memoryview(content)
        for start in range(0, len(view), _BLOCK_BYTES):
            self._block(view[start : start + _BLOCK_BYTES], is_last=False)
        return len(view)

    def finish(self) -> None:
        """End the frame with an empty block; the target stays open."""
        self._block(memoryview(b""), is_last=True)

    def _block(self, content: memoryview, *, is_last: bool) -> None:
        self._target.write((len(content) << 3 | is_last).to_bytes(3, "little"))
        self._target.write(content)


def write_archive(
    package: Package,
    path: Path,
    amend: Callable[[list[dict[str, Any]]], None] | None = None,
) -> dict[str, Any]:
    """Write one package.

    Args:
        package: What to write.
        path: The archive to make; replaced when it exists.
        amend: Changes the entries of `paths.json` before they are written: for packages that lie about themselves.

    Returns:
        Its record for `repodata.json`.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        with archive.open(_member("metadata.json"), "w") as metadata:
            metadata.write(json.dumps({"conda_pkg_format_version": 2}).encode())
        with archive.open(_member(f"pkg-{package.stem}.tar.zst"), "w") as member:
            entries = _write_payload(package.files, member)
        if amend:
            amend(entries)
        with archive.open(_member(f"info-{package.stem}.tar.zst"), "w") as member:
            info = [PackageFile(name, content) for name, content in info_files(package, entries).items()]
            _write_payload(info, member)
    return repodata_record(package, path)


def repodata_record(package: Package, archive: Path) -> dict[str, Any]:
    """The record that `repodata.json` has of a package whose archive stands at `archive`."""
    content = archive.read_bytes()
    return package.index() | {
        "sha256": hashlib.sha256(content).hexdigest(),
        "md5": hashlib.md5(content, usedforsecurity=False).hexdigest(),
        "size": len(content),
    }


def _member(name: str) -> zipfile.ZipInfo:
    member = zipfile.ZipInfo(name, _ZIP_EPOCH)
    member.external_attr = 0o644 << 16
    return member


def _write_payload(files: Iterable[PackageFile], target: IO[bytes]) -> list[dict[str, Any]]:
    frame = RawZstdFile(target)
    entries = []
    with tarfile.open(fileobj=frame, mode="w|", bufsize=_BLOCK_BYTES, format=tarfile.PAX_FORMAT) as tar:
        for file in files:
            content = file.read()
            tar.addfile(_tar_header(file, len(content)), io.BytesIO(content))
            entries.append(paths_entry(file, content))
    frame.finish()
    return entries


def _tar_header(file: PackageFile, size_bytes: int) -> tarfile.TarInfo:
    header = tarfile.TarInfo(file.path)
    header.mode = file.mode
    if file.link:
        header.type, header.linkname = tarfile.SYMTYPE, file.link
    else:
        header.size = size_bytes
    return header
