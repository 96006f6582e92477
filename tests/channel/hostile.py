"""Packages that mean harm: by their post-link scripts, and by what their archives hold."""

import io
import json
import tarfile
import zipfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from condafs.demo.archive import RawZstdFile, repodata_record
from condafs.demo.channel import Channel
from condafs.demo.package import PLACEHOLDER, Package, PackageFile, info_files, paths_entry


def with_script(name: str, *lines: str, files: Iterable[PackageFile] = ()) -> Package:
    """A package whose post-link script has these lines; the cache has `share/NAME/shared`, too."""
    text = "\n".join(["#!/bin/bash", *lines, ""])
    return Package(
        name,
        "1.0",
        (
            PackageFile(f"bin/.{name}-post-link.sh", text.encode(), 0o755),
            PackageFile(f"share/{name}/shared", b"kept\n"),
            PackageFile(f"share/{name}/own", f"{PLACEHOLDER}\n".encode(), placeholder="text"),
            *files,
        ),
    )


def add_raw(channel: Channel, package: Package, members: Callable[[tarfile.TarFile], None]) -> None:
    """Add an archive that holds whatever `members` writes into it, beside what the package says of itself."""
    archive = channel.root / package.folder / f"{package.stem}.conda"
    entries = [paths_entry(file, file.read()) for file in package.files]

    def write_info(tar: tarfile.TarFile) -> None:
        for name, content in info_files(package, entries).items():
            add_file(tar, name, content)

    with zipfile.ZipFile(archive, "w", zipfile.ZIP_STORED) as target:
        target.writestr("metadata.json", json.dumps({"conda_pkg_format_version": 2}))
        for kind, write in (("pkg", members), ("info", write_info)):
            with target.open(f"{kind}-{package.stem}.tar.zst", "w") as member:
                frame = RawZstdFile(member)
                with tarfile.open(fileobj=frame, mode="w|", format=tarfile.PAX_FORMAT) as tar:
                    write(tar)
                frame.finish()
    channel.add_record(package.folder, archive.name, repodata_record(package, archive))


def add_file(tar: tarfile.TarFile, name: str, content: bytes, mode: int = 0o644) -> None:
    """A regular file of any name."""
    header = tarfile.TarInfo(name)
    header.size, header.mode = len(content), mode
    tar.addfile(header, io.BytesIO(content))


def add_special(tar: tarfile.TarFile, name: str, kind: bytes, target: str = "") -> None:
    """A link, a device, a pipe."""
    header = tarfile.TarInfo(name)
    header.type, header.linkname = kind, target
    header.devmajor, header.devminor = 1, 3
    tar.addfile(header)


def listing(*paths: str, kind: str = "hardlink") -> Callable[[list[dict[str, Any]]], None]:
    """An amendment of `paths.json` that lists these, too."""

    def amend(entries: list[dict[str, Any]]) -> None:
        entries.extend({"_path": path, "path_type": kind, "sha256": "0" * 64, "size_in_bytes": 0} for path in paths)

    return amend


def channel_of(root: Path, *packages: Package) -> Channel:
    """A channel of these; `finish` it when everything else is added."""
    channel = Channel(root)
    for package in packages:
        channel.add(package)
    return channel
