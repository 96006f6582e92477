"""What sealing has to know of each package, found out while others are still being linked.

A large environment has 17 MB of records with 50,000 files. Each is taken apart once, right after it was read: later its
parts are in no cache of the processor any more, and each look at all of them takes three times as long (measured).
"""

import hashlib
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from condafs.errors import UnsoundPrefixError
from condafs.prefix.contents import InstalledPackage, conda_package, metadata_of
from condafs.prefix.manifests import known_digests, original_digests
from condafs.prefix.originals import replaced_paths
from condafs.prefix.records import (
    PackageRecord,
    PathRecord,
    Stamp,
    is_link,
    parse_record,
    path_records,
    record_content,
    record_names,
    stamp_of,
)
from condafs.prefix.sound import require_own_paths


@dataclass(frozen=True, slots=True)
class KnownRecord:
    """A record, all of whose files are the environment's own, with what sealing needs to know of it.

    Attributes:
        sha256: Of the file in conda-meta.
        package: What it is of.
        metadata: Paths of the METADATA of Python distributions that it brought.
        replaced: Its files of which originals are kept.
        digests: Of its files as `known_digests` has them.
        originals: Digests of originals, as `original_digests` has them.
        unsummed: Paths of files that it lists without a sum of what was linked.
    """

    record: PackageRecord
    sha256: str
    package: InstalledPackage
    metadata: Sequence[str]
    replaced: Sequence[PathRecord]
    digests: Mapping[str, tuple[int, str]]
    originals: Mapping[str, str]
    unsummed: Sequence[str]


class EarlyRecords:
    """Reads records in the background while others are still being written.

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
        """All records as they are now, by the names of their files, in the order of `read_records`; once.

        Raises:
            UnsoundPrefixError: One lists a file outside of the environment.
        """
        self._reader.shutdown()
        records = {}
        for name in record_names(self._directory):
            stamp, record = self._found.get(name, (None, None))
            path = f"{self._directory}/{name}"
            records[name] = record if record is not None and stamp == stamp_of(path) else _examine(path)
        return records

    def _read_early(self, name: str) -> None:
        path = f"{self._directory}/{name}"
        # What is not quite written yet, or not to be sealed, is read in the end.
        with suppress(OSError, ValueError, UnsoundPrefixError):
            self._found[name] = stamp_of(path), _examine(path)


def _examine(path: str) -> KnownRecord:
    content = record_content(path)
    record = parse_record(content)
    require_own_paths(record)
    digests = known_digests([record])
    unknown = [path for path in path_records(record) if path["_path"] not in digests]
    return KnownRecord(
        record,
        hashlib.sha256(content).hexdigest(),
        conda_package(record),
        metadata_of(record),
        replaced_paths(record),
        digests,
        original_digests([record]),
        [path["_path"] for path in unknown if not is_link(path)],
    )
