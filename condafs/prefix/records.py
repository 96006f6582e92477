"""What conda-meta says about a prefix: one JSON file for each package, read once and shared by all who need it.

The format is conda's (PrefixRecord); only the keys that condafs uses are named here.
"""

import hashlib
import json
import os
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
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
    return [read_record(f"{directory}/{name}") for name in _list(directory)]


@dataclass(frozen=True, slots=True)
class KnownRecord:
    """A record with what sealing needs to know of it.

    Attributes:
        sha256: Of the file in conda-meta.
        unsummed: Paths of files that it lists without a sum of what was linked.
    """

    record: PackageRecord
    sha256: str
    unsummed: tuple[str, ...]


Stamp: TypeAlias = tuple[int, int, int, int]
"""Inode, size, mtime; and ctime, which nobody can set. What tells whether a file was changed or replaced."""


def record_stamps(prefix: Path) -> dict[str, Stamp]:
    """File name -> stamp of each record; none when something else is in the place of `conda-meta`."""
    directory = prefix / "conda-meta"
    return {} if directory.is_symlink() else {name: _stamp(f"{directory}/{name}") for name in _list(directory)}


def _stamp(path: str) -> Stamp:
    found = os.lstat(path)
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


class EarlyRecords:
    """Reads records in the background while others are still being written; a large environment has 17 MB of them.

    Args:
        prefix: Where `conda-meta` is, or will be.
    """

    def __init__(self, prefix: Path) -> None:
        self._directory = prefix / "conda-meta"
        self._reader = ThreadPoolExecutor(1, "records")
        self._found: dict[str, tuple[Stamp, KnownRecord]] = {}

    def read_soon(self, name: str) -> None:
        """That file is written. Any thread may say so."""
        self._reader.submit(self._read_early, name)

    def finish(self) -> dict[str, KnownRecord]:
        """All records as they are now, by the names of their files, in the order of `read_records`; once."""
        self._reader.shutdown()
        records = {}
        for name in _list(self._directory):
            stamp, record = self._found.get(name, (None, None))
            path = f"{self._directory}/{name}"
            records[name] = record if record is not None and stamp == _stamp(path) else _examine(path)
        return records

    def _read_early(self, name: str) -> None:
        path = f"{self._directory}/{name}"
        with suppress(OSError, ValueError):  # not quite written yet: it is read in the end
            self._found[name] = _stamp(path), _examine(path)


def _list(directory: Path) -> list[str]:
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
    return _parse(_content(path))


def _parse(content: bytes) -> PackageRecord:
    record: PackageRecord = json.loads(content)
    if not isinstance(record, dict):
        msg = "not a record of a package"
        raise ValueError(msg)  # noqa: TRY004 - as json's own
    return record


def _content(path: str) -> bytes:
    # As bytes, not Path.read_text: a third of the time.
    with open(path, "rb") as file:  # noqa: PTH123
        return file.read()


def _examine(path: str) -> KnownRecord:
    content = _content(path)
    record = _parse(content)
    unsummed = [
        item["_path"]
        for item in path_records(record)
        if not (item.get("size_in_bytes") is not None and digest_of_path(item)) and not is_link(item)
    ]
    return KnownRecord(record, hashlib.sha256(content).hexdigest(), tuple(unsummed))
