"""The inventory: every file, directory and link of a sealed prefix, so that nobody has to walk it again.

Written once while sealing; the exports and `condafs doctor` read it. condafs's own directory is not in it.

Format of `conda-meta/condafs/inventory`::

    header    one line of JSON: version (2), size_bytes, own_bytes, file_count, body_bytes
    body      the rows as `walk` has them

What conda-meta knows of files is not repeated: `read_inventory` puts the digests beside the rows; `sums` has those of
the other files. `inventory.own` has the rows of condafs's own directory as they were before it, `sums` and the marker
were written, without a header.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import MappingProxyType

from condafs.prefix.layout import INVENTORY, OWN_DIRECTORY, OWN_INVENTORY
from condafs.prefix.manifests import known_digests
from condafs.prefix.records import read_records
from condafs.prefix.walk import Row, Rows, Sums, Walk, close, read_rows, walk

VERSION = 2


@dataclass(frozen=True, slots=True)
class Entry:
    """One row.

    Attributes:
        path: Relative to the prefix.
        kind: `d`, `f`, `x` or `l`.
        sha256: 64 hex digits, or "" where not known.
        target: Of a link, else "".
        mode: Permission bits; 0 of a link.
    """

    path: str
    kind: str
    size_bytes: int
    mtime_ns: int
    sha256: str = ""
    target: str = ""
    mode: int = 0


def begin_walk(prefix: Path, *, read_only: bool = False) -> Walk:
    """Begin the walk that `write_inventory` needs: of all but condafs's own directory.

    Args:
        prefix: Complete but for condafs's own directory.
        read_only: Take the write bits in the same pass (all but the prefix itself and condafs's own directory).
    """
    (prefix / OWN_DIRECTORY).mkdir(parents=True, exist_ok=True)  # while its parent can be written to
    return Walk(prefix, skip=OWN_DIRECTORY, read_only=read_only)


def write_inventory(prefix: Path, rows: Rows | None = None) -> Sums:
    """Walk the prefix and write `conda-meta/condafs/inventory`.

    Args:
        prefix: Complete but for condafs's own directory.
        rows: What the walk found, when it was made already.

    Returns:
        The sums; `own_bytes` counts the inventory itself as well.
    """
    rows = rows or Rows(begin_walk(prefix).pieces())
    body, sums = rows.content, rows.sum_up()
    inventory = replace(sums, own_bytes=sums.own_bytes + len(body))
    header = {"version": VERSION, **asdict(inventory), "body_bytes": len(body)}
    path = prefix / INVENTORY
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with path.open("wb") as file:
        file.write(json.dumps(header).encode() + b"\n")
        file.write(body)
    return inventory


def read_summary(prefix: Path) -> Sums:
    """The sums alone, without the rows."""
    with (prefix / INVENTORY).open("rb") as file:
        header = _header(file.readline())
    return Sums(header["size_bytes"], header["own_bytes"], header["file_count"])


def inventory_rows(prefix: Path) -> Iterator[Row]:
    """The rows in order, as the walk found them.

    Raises:
        ValueError: when the file is not of this format.
    """
    first, _, body = (prefix / INVENTORY).read_bytes().partition(b"\n")
    if len(body) != _header(first)["body_bytes"]:
        msg = f"the inventory of {prefix} is damaged: {len(body)} bytes of rows, not as many as were written"
        raise ValueError(msg)
    return read_rows(body)


def read_own_rows(prefix: Path) -> Iterator[Row]:
    """The rows of condafs's own directory, with paths relative to the prefix.

    Raises:
        ValueError: when the file is not of this format.
    """
    for row in read_rows((prefix / OWN_INVENTORY).read_bytes()):
        yield replace(row, path=f"{OWN_DIRECTORY}/{row.path}")


def write_own_rows(prefix: Path) -> Rows:
    """Take the write bits of condafs's own directory and all that it holds, and write its rows, which are returned."""
    directory = prefix / OWN_DIRECTORY
    place = prefix / OWN_INVENTORY
    place.unlink(missing_ok=True)  # of an interrupted run
    rows = walk(directory, read_only=True)
    place.write_bytes(rows)
    close(place)
    close(directory)
    return Rows([rows])


def read_inventory(prefix: Path) -> Iterator[Entry]:
    """The rows in order, with what conda-meta knows of them.

    Raises:
        ValueError: when the file is not of this format.
    """
    return describe_rows(inventory_rows(prefix), known_digests(read_records(prefix)))


def describe_rows(
    rows: Iterable[Row], known: Mapping[str, tuple[int, str]], sums: Mapping[str, str] = MappingProxyType({})
) -> Iterator[Entry]:
    """Rows with the digests beside them; what the builder hashed counts more than what a manifest says.

    Args:
        rows: Of an inventory.
        known: As `known_digests` has them; one for another size than the file has does not count.
        sums: As `sums` has them.
    """
    for row in rows:
        sha256 = ""
        if row.kind in "fx":
            size, digest = known.get(row.path, (0, ""))
            sha256 = sums.get(row.path) or (digest if size == row.size_bytes else "")
        yield Entry(row.path, row.kind, row.size_bytes, row.mtime_ns, sha256, row.target, row.mode)


def _header(line: bytes) -> dict[str, int]:
    header: dict[str, int] = json.loads(line)
    if header.get("version") != VERSION:
        msg = f"inventory of version {header.get('version')}, {VERSION} expected"
        raise ValueError(msg)
    return header
