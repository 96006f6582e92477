"""What conda-meta says about a prefix: one JSON file for each package, read once and shared by all who need it.

The format is conda's (PrefixRecord); only the keys that condafs uses are named here.
"""

import json
import os
from pathlib import Path
from typing import TypeAlias, TypedDict


class PathRecord(TypedDict, total=False):
    """One file of a package; `sha256_in_prefix` where linking changed it, a placeholder where it wrote the prefix."""

    _path: str
    original_path: str
    path_type: str
    sha256: str
    sha256_in_prefix: str
    size_in_bytes: int
    prefix_placeholder: str
    file_mode: str


class PathsData(TypedDict):
    """The list that came with the package, `_path` as linked."""

    paths: list[PathRecord]


class PackageRecord(TypedDict, total=False):
    """One installed conda package."""

    name: str
    version: str
    build: str
    channel: str
    noarch: str
    fn: str
    sha256: str
    md5: str
    timestamp: int
    url: str
    extracted_package_dir: str
    files: list[str]
    paths_data: PathsData


def read_records(prefix: Path) -> list[PackageRecord]:
    """All of `conda-meta/*.json`, by file name; empty when there is no such directory."""
    directory = prefix / "conda-meta"
    return [read_record(f"{directory}/{name}") for name in record_names(directory)]


Stamp: TypeAlias = tuple[int, int, int, int]
"""Inode, size, mtime; and ctime, which nobody can set. What tells whether a file was changed or replaced."""


def record_stamps(prefix: Path) -> dict[str, Stamp]:
    """File name -> stamp of each record; none when something else is in the place of `conda-meta`."""
    directory = prefix / "conda-meta"
    return {} if directory.is_symlink() else {name: stamp_of(f"{directory}/{name}") for name in record_names(directory)}


def stamp_of(path: str) -> Stamp:
    """Of one record."""
    found = os.lstat(path)
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def record_names(directory: Path) -> list[str]:
    """The files of records, sorted; none when there is no such directory."""
    try:
        return sorted(path.name for path in directory.iterdir() if path.name.endswith(".json"))
    except (FileNotFoundError, NotADirectoryError):
        return []


def digest_of_path(path: PathRecord) -> str | None:
    """SHA-256 of what was linked. Where the prefix was written into it, the package's own sum is the original's."""
    return path.get("sha256_in_prefix") or (None if path.get("prefix_placeholder") else path.get("sha256"))


def is_link(path: PathRecord) -> bool:
    """Whether it is a symbolic link."""
    return path.get("path_type") == "softlink"


def path_records(record: PackageRecord) -> list[PathRecord]:
    """The files of one package."""
    return record["paths_data"]["paths"] if "paths_data" in record else []


def read_record(path: str) -> PackageRecord:
    """One of them; ValueError when it is none."""
    return parse_record(record_content(path))


def parse_record(content: bytes) -> PackageRecord:
    """One of them; ValueError when it is none."""
    record: PackageRecord = json.loads(content)
    if not isinstance(record, dict):
        msg = "not a record of a package"
        raise ValueError(msg)  # noqa: TRY004 - as json's own
    return record


def record_content(path: str) -> bytes:
    """The file of one of them."""
    # As bytes, not Path.read_text: a third of the time.
    with open(path, "rb") as file:  # noqa: PTH123
        return file.read()
