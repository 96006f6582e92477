"""What conda-meta says about a prefix: one JSON file for each package, read once and shared by all who need it.

The format is conda's (PrefixRecord); only the keys that condafs uses are named here.
"""

import json
from pathlib import Path
from typing import TypedDict


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
    extracted_package_dir: str
    files: list[str]
    paths_data: PathsData


def read_records(prefix: Path) -> list[PackageRecord]:
    """All of `conda-meta/*.json`, by file name; empty when there is no such directory."""
    directory = prefix / "conda-meta"
    try:
        names = sorted(path.name for path in directory.iterdir() if path.name.endswith(".json"))
    except FileNotFoundError:
        return []
    # As bytes, not Path.read_text: a third of the time, and large environments hold 17 MB of it.
    return [_read(f"{directory}/{name}") for name in names]


def path_records(record: PackageRecord) -> list[PathRecord]:
    """The files of one package."""
    return record["paths_data"]["paths"] if "paths_data" in record else []


def _read(path: str) -> PackageRecord:
    with open(path, "rb") as file:  # noqa: PTH123 - see read_records
        record: PackageRecord = json.loads(file.read())
    return record
