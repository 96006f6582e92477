"""Packages that are damaged, or that the channel lies about."""

import hashlib
from pathlib import Path
from typing import Any

from condafs.demo.archive import repodata_record
from condafs.demo.channel import Channel
from condafs.demo.package import Package, PackageFile


def add_broken_packages(channel: Channel) -> None:
    """Add every one; `zz-corrupt`'s versions are named in the functions below."""
    _truncated(channel, "1.0")
    _truncated_and_declared(channel, "2.0")
    _wrong_sums(channel, "3.0")
    _absent_file(channel, "4.0")
    _wrong_file_sum(channel, "5.0")
    _no_archive(channel)


def _corrupt(version: str) -> Package:
    return Package("zz-corrupt", version, (PackageFile("share/zz-corrupt/file", f"{version}\n".encode() * 1000),))


def _truncate(archive: Path) -> None:
    archive.write_bytes(archive.read_bytes()[: archive.stat().st_size // 2])


def _truncated(channel: Channel, version: str) -> None:
    """Half an archive; repodata tells the whole one's sums."""
    _truncate(channel.add(_corrupt(version)))


def _truncated_and_declared(channel: Channel, version: str) -> None:
    """Half an archive, and repodata tells the sums of that half."""
    package = _corrupt(version)
    archive = channel.add(package)
    _truncate(archive)
    channel.add_record(package.folder, archive.name, repodata_record(package, archive))


def _wrong_sums(channel: Channel, version: str) -> None:
    """A sound archive; repodata tells the sums of another."""
    package = _corrupt(version)
    archive = channel.add(package)
    another = b"another archive"
    sums = {
        "sha256": hashlib.sha256(another).hexdigest(),
        "md5": hashlib.md5(another, usedforsecurity=False).hexdigest(),
    }
    channel.add_record(package.folder, archive.name, channel.record(package.folder, archive.name) | sums)


def _absent_file(channel: Channel, version: str) -> None:
    """`paths.json` lists a file that the archive does not hold."""

    def amend(entries: list[dict[str, Any]]) -> None:
        entries.append(entries[0] | {"_path": "share/zz-corrupt/absent"})

    channel.add(_corrupt(version), amend)


def _wrong_file_sum(channel: Channel, version: str) -> None:
    """`paths.json` tells another sum of a file."""

    def amend(entries: list[dict[str, Any]]) -> None:
        entries[0]["sha256"] = hashlib.sha256(b"another file").hexdigest()

    channel.add(_corrupt(version), amend)


def _no_archive(channel: Channel) -> None:
    """In repodata, and nowhere else."""
    channel.add(Package("zz-missing", "1.0", (PackageFile("share/zz-missing", b"never\n"),))).unlink()
