"""Which packages a prefix holds, conda's and pip's, and what differs between two."""

import csv
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from email.parser import HeaderParser
from pathlib import Path
from typing import Literal

from condafs.prefix.layout import PACKAGES
from condafs.prefix.records import PackageRecord, path_records, read_records


@dataclass(frozen=True, slots=True, order=True)
class InstalledPackage:
    """One package.

    Attributes:
        build: conda's build string, "" for pypi.
        channel: URL as recorded, or "pypi".
        size_bytes: Of its files as installed, 0 when not known.
    """

    name: str
    version: str
    build: str = ""
    channel: str = ""
    kind: Literal["conda", "pypi"] = "conda"
    size_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Change:
    """One package that differs: `before` is None when it was added, `after` when it was removed."""

    name: str
    before: InstalledPackage | None
    after: InstalledPackage | None

    @property
    def kind(self) -> Literal["added", "removed", "changed"]:
        """What happened to it."""
        if self.before is None:
            return "added"
        return "removed" if self.after is None else "changed"

    @property
    def size_bytes(self) -> int:
        """How much larger the environment is for it; negative when smaller."""
        before = self.before.size_bytes if self.before else 0
        return (self.after.size_bytes if self.after else 0) - before


def read_packages(prefix: Path) -> list[InstalledPackage]:
    """All packages by name; from the list that sealing wrote, else from conda-meta and site-packages."""
    try:
        documents = json.loads((prefix / PACKAGES).read_bytes())
    except FileNotFoundError:
        return _find_packages(prefix, read_records(prefix))
    return [InstalledPackage(**document) for document in documents]


def write_packages(prefix: Path, conda: Iterable[InstalledPackage], metadata: Collection[str]) -> None:
    """Write the list to `conda-meta/condafs/packages.json`: conda-meta of a large environment takes long to read.

    Args:
        prefix: Complete.
        conda: What conda-meta says.
        metadata: Paths of the METADATA that these brought; any other is of what pip installed.
    """
    path = prefix / PACKAGES
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.write_text(_format(_with_pypi(prefix, conda, metadata)))


def format_packages(prefix: Path, records: Sequence[PackageRecord]) -> str:
    """What `write_packages` writes, of all records."""
    return _format(_find_packages(prefix, records))


def _format(packages: Sequence[InstalledPackage]) -> str:
    return json.dumps([asdict(package) for package in packages])


def compare_packages(before: Sequence[InstalledPackage], after: Sequence[InstalledPackage]) -> list[Change]:
    """What differs in version, build, channel or kind, by name; pip's `foo` replaces conda's `foo`."""
    old = {package.name: package for package in before}
    new = {package.name: package for package in after}
    return [
        Change(name, old.get(name), new.get(name))
        for name in sorted(old.keys() | new.keys())
        if _identity(old.get(name)) != _identity(new.get(name))
    ]


def _identity(package: InstalledPackage | None) -> tuple[str, ...] | None:
    if package is None:
        return None
    # Locks name a channel without the slash that solving puts at its end.
    return (package.version, package.build, package.channel.rstrip("/"), package.kind)


def _find_packages(prefix: Path, records: Sequence[PackageRecord]) -> list[InstalledPackage]:
    owned = {file for record in records for file in metadata_of(record)}
    return _with_pypi(prefix, map(conda_package, records), owned)


def _with_pypi(prefix: Path, conda: Iterable[InstalledPackage], owned: Collection[str]) -> list[InstalledPackage]:
    return sorted([*conda, *_pypi_packages(prefix, owned)])


def metadata_of(record: PackageRecord) -> list[str]:
    """Paths of the METADATA of Python distributions that a package brought."""
    return [file for file in record.get("files", ()) if file.endswith("/METADATA")]


def conda_package(record: PackageRecord) -> InstalledPackage:
    """What a record is of."""
    size = sum(path.get("size_in_bytes") or 0 for path in path_records(record))
    channel = record.get("channel", "")
    return InstalledPackage(record["name"], record["version"], record.get("build", ""), channel, "conda", size)


def _pypi_packages(prefix: Path, owned: Collection[str]) -> Iterator[InstalledPackage]:
    for metadata in sorted(prefix.glob("lib/*/site-packages/*.dist-info/METADATA")):
        if metadata.parent.parent.parent.is_symlink() or str(metadata.relative_to(prefix)) in owned:
            continue
        headers = HeaderParser().parsestr(metadata.read_text(encoding="utf-8", errors="replace"), headersonly=True)
        name, version = headers.get("Name", metadata.parent.name), headers.get("Version", "")
        yield InstalledPackage(name, version, "", "pypi", "pypi", _recorded_size(metadata.with_name("RECORD")))


def _recorded_size(record: Path) -> int:
    """Sum of the sizes in a wheel's RECORD (PyPA "Recording installed projects")."""
    try:
        with record.open(encoding="utf-8", newline="") as file:
            return sum(int(row[2]) for row in csv.reader(file) if len(row) > 2 and row[2].isdigit())  # noqa: PLR2004
    except OSError:
        return 0
