"""What a build says of itself, and whether that can be believed.

The marker vouches for itself and for the list of sums, the list for the inventories and conda-meta, and these for the
rest (`prefix.sums`). Each link of the chain is tried here; what is broken is a problem of its own, and as much as can
still be known is used.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from json import JSONDecodeError
from pathlib import Path

from condafs.health.problem import Damage, Problem
from condafs.prefix.inventory import Entry, describe_rows, inventory_rows, read_own_rows
from condafs.prefix.layout import (
    INTERPRETER_PREFIX,
    INVENTORY,
    MARKER,
    ORIGINALS,
    OWN_DIRECTORY,
    OWN_INVENTORY,
    SUMS,
)
from condafs.prefix.manifests import known_digests, original_digests
from condafs.prefix.marker import Marker, read_marker
from condafs.prefix.records import PackageRecord, path_records, read_record
from condafs.prefix.sums import parse_sums
from condafs.prefix.walk import Row

NOT_KNOWN = -1
"""In the place of a size, a time or a mode that nobody wrote down."""

_RECORD = "conda-meta/"


@dataclass(slots=True)
class Expected:
    """What should stand in a prefix.

    Attributes:
        entries: By path.
        problems: Of condafs's own files, as far as reading them shows it.
        is_whole: Whether the entries are all that should be there; else an inventory is lost, and what is extra, too.
        listed: Paths in the list of sums, as far as it can be read.
        records: Of conda-meta.
        marker: None when it cannot be read.
    """

    entries: dict[str, Entry] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    is_whole: bool = True
    listed: frozenset[str] = frozenset()
    records: list[PackageRecord] = field(default_factory=list)
    marker: Marker | None = None

    def packages(self) -> dict[str, str]:
        """Path -> `name version` of the package that brought it, or the original or interpreter of that name."""
        named = {
            path["_path"]: f"{record.get('name')} {record.get('version')}"
            for record in self.records
            for path in path_records(record)
        }
        named |= {f"{ORIGINALS}/{path}": package for path, package in named.items()}
        prefix = f"bin/{INTERPRETER_PREFIX}"
        pinned = [path for path in self.entries if path.startswith(prefix)]
        return named | {path: named.get(f"bin/{path.removeprefix(prefix)}", "") for path in pinned}


def read_expected(prefix: Path) -> Expected:
    """Read all that a build says of itself."""
    expected = Expected()
    expected.marker = _read_marker(prefix, expected)
    sums = _read_sums(prefix, expected)
    expected.listed = frozenset(sums)
    rows = _read_rows(prefix, expected)
    expected.records = list(_read_records(prefix, _records_among(rows) or _records_among(sums)))
    known = known_digests(expected.records)
    sums = original_digests(expected.records) | sums
    entries = describe_rows(rows.values(), known, sums) if expected.is_whole else _from_sums(known, sums)
    expected.entries = {entry.path: entry for entry in entries}
    expected.entries |= {entry.path: entry for entry in _outside_of_inventories(expected, sums)}
    return expected


def _read_marker(prefix: Path, expected: Expected) -> Marker | None:
    try:
        marker = read_marker(prefix)
    except (OSError, ValueError) as error:
        expected.problems.append(Problem(MARKER, Damage.CHANGED, _say(error)))
        return None
    if marker and marker.build != prefix.name:
        expected.problems.append(Problem(MARKER, Damage.CHANGED, f"it says that this is {marker.build}"))
    return marker


def _read_sums(prefix: Path, expected: Expected) -> dict[str, str]:
    try:
        text = (prefix / SUMS).read_bytes()
    except OSError:
        return {}  # missing is what it will be found to be
    marker = expected.marker
    if marker and marker.sums_sha256 and sha256(text).hexdigest() != marker.sums_sha256:
        expected.problems.append(Problem(SUMS, Damage.CHANGED, "it is not the list that the marker vouches for"))
    try:
        return parse_sums(text)
    except ValueError:
        return dict(_lines_that_can_be_read(text))


def _lines_that_can_be_read(text: bytes) -> Iterator[tuple[str, str]]:
    for line in text.splitlines(keepends=True):
        try:
            yield from parse_sums(line).items()
        except ValueError:
            continue


def _read_rows(prefix: Path, expected: Expected) -> dict[str, Row]:
    found: dict[str, Row] = {}
    try:
        found |= {row.path: row for row in inventory_rows(prefix)}
    except (OSError, ValueError) as error:
        expected.is_whole = False
        expected.problems += _own_problem(INVENTORY, error)
    try:
        found |= {row.path: row for row in read_own_rows(prefix)}
    except FileNotFoundError as error:
        if expected.marker is None or expected.marker.sums_sha256:
            expected.problems += _own_problem(OWN_INVENTORY, error)
            expected.is_whole = False
    except (OSError, ValueError) as error:
        expected.is_whole = False
        expected.problems += _own_problem(OWN_INVENTORY, error)
    return found


def _own_problem(path: str, error: Exception) -> Iterable[Problem]:
    if not isinstance(error, FileNotFoundError):  # which will be found anyway
        yield Problem(path, Damage.CHANGED, _say(error))


def _say(error: Exception) -> str:
    if isinstance(error, JSONDecodeError | UnicodeError):
        return "it cannot be read"
    return str(getattr(error, "strerror", None) or error)


def _records_among(paths: Iterable[str]) -> list[str]:
    return [path for path in paths if path.startswith(_RECORD) and path.endswith(".json") and path.count("/") == 1]


def _read_records(prefix: Path, names: Iterable[str]) -> Iterator[PackageRecord]:
    """Those that can be read; others are found to be damaged by their sums."""
    for name in sorted(names):
        try:
            yield read_record(f"{prefix}/{name}")
        except (OSError, ValueError):
            continue


def _from_sums(known: Mapping[str, tuple[int, str]], sums: Mapping[str, str]) -> Iterator[Entry]:
    """Without inventory: files whose sums are known, and nothing of their times and modes."""
    for path, (size_bytes, digest) in known.items():
        if path not in sums:
            yield Entry(path, "f", size_bytes, NOT_KNOWN, digest, "", NOT_KNOWN)
    for path, digest in sums.items():
        yield Entry(path, "f", NOT_KNOWN, NOT_KNOWN, digest, "", NOT_KNOWN)


def _outside_of_inventories(expected: Expected, sums: Mapping[str, str]) -> Iterator[Entry]:
    """What was written when the inventories were closed, and what they do not hold."""
    for directory in (".", OWN_DIRECTORY):
        yield Entry(directory, "d", 0, NOT_KNOWN, mode=NOT_KNOWN)
    marker = expected.marker
    file = Entry("", "f", NOT_KNOWN, NOT_KNOWN, mode=0o444)
    yield replace(file, path=MARKER)
    if marker is None or marker.sums_sha256:
        yield replace(file, path=SUMS, sha256=marker.sums_sha256 if marker else "")
        yield replace(file, path=OWN_INVENTORY, sha256=sums.get(OWN_INVENTORY, ""))
    if INVENTORY not in expected.entries:
        yield replace(file, path=INVENTORY, sha256=sums.get(INVENTORY, ""))
