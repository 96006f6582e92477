"""The inventory: every file, directory and link of a sealed prefix, so that nobody has to walk it again.

Written once while sealing; the exports and `condafs doctor` read it. condafs's own directory is not in it.

Format of `conda-meta/condafs/inventory`::

    header    one line of JSON: version (2), size_bytes, own_bytes, file_count, body_bytes
    body      the rows as `walk` has them

What conda-meta knows of files is not repeated: `read_inventory` puts the digests beside the rows.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from condafs.prefix.layout import INTERPRETER_PREFIX, INVENTORY, OWN_DIRECTORY
from condafs.prefix.records import PackageRecord, path_records, read_records
from condafs.prefix.walk import Row, Sums, Walk, read_rows, sum_up

VERSION = 2


@dataclass(frozen=True, slots=True)
class Entry:
    """One row.

    Attributes:
        path: Relative to the prefix.
        kind: `d`, `f`, `x` or `l`.
        sha256: 64 hex digits, or "" where not known.
        target: Of a link, else "".
    """

    path: str
    kind: str
    size_bytes: int
    mtime_ns: int
    sha256: str = ""
    target: str = ""


def begin_walk(prefix: Path, *, read_only: bool = False) -> Walk:
    """Begin the walk that `write_inventory` needs: of all but condafs's own directory.

    Args:
        prefix: Complete but for condafs's own directory.
        read_only: Take the write bits in the same pass (all but the prefix itself and condafs's own directory).
    """
    (prefix / OWN_DIRECTORY).mkdir(parents=True, exist_ok=True)  # while its parent can be written to
    return Walk(prefix, skip=OWN_DIRECTORY, read_only=read_only)


def write_inventory(prefix: Path, under_way: Walk | None = None) -> Sums:
    """Walk the prefix and write `conda-meta/condafs/inventory`.

    Args:
        prefix: Complete but for condafs's own directory.
        under_way: The walk, when it was begun already.

    Returns:
        The sums; `own_bytes` counts the inventory itself as well.
    """
    body = (under_way or begin_walk(prefix)).finish()
    sums = sum_up(body)
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


def read_inventory(prefix: Path) -> Iterator[Entry]:
    """The rows in order, with what conda-meta knows of them.

    Raises:
        ValueError: when the file is not of this format.
    """
    digests = _known_digests(read_records(prefix))
    for row in inventory_rows(prefix):
        size, digest = digests.get(row.path, (0, "")) if row.kind in "fx" else (0, "")
        # What conda-meta says of a file that was changed since (another size) does not count.
        sha256 = digest if size in (None, row.size_bytes) else ""
        yield Entry(row.path, row.kind, row.size_bytes, row.mtime_ns, sha256, row.target)


def _known_digests(records: Sequence[PackageRecord]) -> dict[str, tuple[int | None, str]]:
    """Path -> (size, SHA-256) as it was linked; the interpreter is also known by the name that pinning gave it."""
    known = {
        path["_path"]: (path.get("size_in_bytes"), path.get("sha256_in_prefix") or path.get("sha256") or "")
        for record in records
        for path in path_records(record)
        if path.get("path_type") != "softlink"
    }
    known |= {
        f"bin/{INTERPRETER_PREFIX}{path[4:]}": value for path, value in known.items() if path.startswith("bin/py")
    }
    return known


def _header(line: bytes) -> dict[str, int]:
    header: dict[str, int] = json.loads(line)
    if header.get("version") != VERSION:
        msg = f"inventory of version {header.get('version')}, {VERSION} expected"
        raise ValueError(msg)
    return header
