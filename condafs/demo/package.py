"""A conda package as a value, and the `info/` files that describe it.

Sources: conda's package specification (docs.conda.io, "Conda package specification"), CEP 34 for `paths.json`.
"""

import hashlib
import json
import platform
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

PLACEHOLDER = ("/opt/condafs-placeholder" + "_placehold" * 26)[:255]
"""Stands for the prefix inside files; as long as conda's own, so that any prefix which fits elsewhere fits here."""

TIMESTAMP = datetime(2023, 12, 1, tzinfo=UTC)
"""When packages that are not about time were "uploaded": before everything that `exclude-newer` is tried with."""


def native_subdir() -> str:
    """This machine's conda platform, as `linux-64`."""
    machine = platform.machine()
    return {"x86_64": "linux-64", "i686": "linux-32"}.get(machine, f"linux-{machine}")


@dataclass(frozen=True, slots=True)
class PackageFile:
    """One file of a package.

    Attributes:
        path: Relative to the prefix.
        content: Bytes, or the file to read them from; ignored for links.
        mode: Permission bits; `x` for programs.
        link: Target of a symbolic link; "" for a regular file.
        placeholder: `text` or `binary` when PLACEHOLDER stands in the content, else "".
    """

    path: str
    content: bytes | Path = b""
    mode: int = 0o644
    link: str = ""
    placeholder: str = ""

    def read(self) -> bytes:
        """The bytes of a regular file, b"" for a link."""
        if self.link:
            return b""
        return self.content.read_bytes() if isinstance(self.content, Path) else self.content


@dataclass(frozen=True, slots=True)
class Package:
    """One build of one package.

    Attributes:
        noarch: `python`, `generic`, or "" for a package of one platform.
        subdir: Where it belongs; "" means `noarch` or this machine's.
        entry_points: `name = module:function` lines, made into programs when a `noarch: python` package is linked.
    """

    name: str
    version: str
    files: tuple[PackageFile, ...] = ()
    build: str = "0"
    build_number: int = 0
    depends: tuple[str, ...] = ()
    constrains: tuple[str, ...] = ()
    noarch: str = ""
    subdir: str = ""
    entry_points: tuple[str, ...] = ()
    timestamp: datetime = TIMESTAMP
    summary: str = ""
    license: str = ""

    @property
    def stem(self) -> str:
        """`name-version-build`: what its archive is called."""
        return f"{self.name}-{self.version}-{self.build}"

    @property
    def folder(self) -> str:
        """The subdirectory of the channel."""
        return self.subdir or ("noarch" if self.noarch else native_subdir())

    def index(self) -> dict[str, Any]:
        """`info/index.json`, which repodata repeats."""
        document: dict[str, Any] = {
            "name": self.name,
            "version": self.version,
            "build": self.build,
            "build_number": self.build_number,
            "depends": list(self.depends),
            "constrains": list(self.constrains),
            "subdir": self.folder,
            "license": self.license,
            "timestamp": int(self.timestamp.timestamp() * 1000),
        }
        if self.noarch:
            document["noarch"] = self.noarch
        return document


def paths_entry(file: PackageFile, content: bytes) -> dict[str, Any]:
    """A line of `info/paths.json`: what linking and verifying need to know of one file."""
    entry: dict[str, Any] = {
        "_path": file.path,
        "path_type": "softlink" if file.link else "hardlink",
        "sha256": hashlib.sha256(content).hexdigest(),
        "size_in_bytes": len(content),
    }
    if file.placeholder:
        entry["prefix_placeholder"] = PLACEHOLDER
        entry["file_mode"] = file.placeholder
    return entry


def info_files(package: Package, paths: list[dict[str, Any]]) -> dict[str, bytes]:
    """The metadata inside the archive: path -> content."""
    documents: dict[str, Any] = {
        "info/index.json": package.index(),
        "info/paths.json": {"paths": paths, "paths_version": 1},
        "info/about.json": {"summary": package.summary, "license": package.license},
    }
    if package.noarch == "python":
        noarch = {"type": "python", "entry_points": list(package.entry_points)}
        documents["info/link.json"] = {"noarch": noarch, "package_metadata_version": 1}
    files = {path: json.dumps(document, indent=1, sort_keys=True).encode() for path, document in documents.items()}
    files["info/files"] = "".join(f"{entry['_path']}\n" for entry in paths).encode()
    return files
