"""The inventory: every file, directory and link of a sealed prefix, so that nobody has to walk it again.

Written once while sealing; the exports and `condafs doctor` read it. condafs's own directory is not in it.

Format of `conda-meta/condafs/inventory` (integers little-endian; N rows, L of them links; text is UTF-8 with
surrogateescape, as Python decodes file names)::

    header    one line of JSON: version (1), rows N, links L, size_bytes, own_bytes, file_count
    kinds     N bytes: `d` directory, `f` file, `x` file that somebody may execute, `l` link
    parents   N x u32: row of the directory that holds it; 0xFFFFFFFF for the prefix itself
    sizes     N x u64: bytes of a file, length of a link's target, 0 for a directory
    mtimes    N x i64: nanoseconds since 1970
    digests   N x 32 bytes: SHA-256 of a file's content where conda-meta knows it, else zeros
    names     N names, each ended by NUL
    targets   L link targets, each ended by NUL

A directory stands before what it holds; there is no other order.
"""

import json
import sys
from array import array
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from condafs.prefix.layout import INTERPRETER_PREFIX, INVENTORY, OWN_DIRECTORY
from condafs.prefix.records import PackageRecord, path_records, read_records
from condafs.prefix.walk import DIRECTORY, EXECUTABLE, FILE, LINK, TOP, Columns, Walk

VERSION = 1
DIGEST_BYTES = 32
_UNKNOWN = bytes(DIGEST_BYTES)


@dataclass(frozen=True, slots=True)
class Inventory:
    """The sums.

    Attributes:
        size_bytes: All regular files.
        own_bytes: Files that the package cache does not share, directories, and the inventory.
        file_count: Files and links.
    """

    size_bytes: int
    own_bytes: int
    file_count: int


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


def write_inventory(
    prefix: Path, records: Sequence[PackageRecord] | None = None, *, under_way: Walk | None = None
) -> Inventory:
    """Walk the prefix and write `conda-meta/condafs/inventory`.

    Args:
        prefix: Complete but for condafs's own directory.
        records: Of conda-meta, when they were read already.
        under_way: The walk, when it was begun already.

    Returns:
        The sums.
    """
    under_way = under_way or begin_walk(prefix)
    digests = _known_digests(read_records(prefix) if records is None else records)
    columns = under_way.finish()
    kinds = columns.kinds
    body = list(_encode(columns, digests))
    inventory = Inventory(
        size_bytes=sum(size for kind, size in zip(kinds, columns.sizes, strict=True) if kind in (FILE, EXECUTABLE)),
        own_bytes=columns.own_bytes + sum(map(len, body)),
        file_count=len(kinds) - kinds.count(DIRECTORY),
    )
    header = {"version": VERSION, "rows": len(kinds), "links": len(columns.targets), **asdict(inventory)}
    path = prefix / INVENTORY
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    with path.open("wb") as file:
        file.write(json.dumps(header).encode() + b"\n")
        file.writelines(body)
    return inventory


def read_summary(prefix: Path) -> Inventory:
    """The sums alone, without the rows."""
    with (prefix / INVENTORY).open("rb") as file:
        header = _header(file.readline())
    return Inventory(header["size_bytes"], header["own_bytes"], header["file_count"])


def read_inventory(prefix: Path) -> Iterator[Entry]:
    """The rows in order.

    Raises:
        ValueError: when the file is not of this format.
    """
    first, _, rest = (prefix / INVENTORY).read_bytes().partition(b"\n")
    header = _header(first)
    rows, links = header["rows"], header["links"]
    kinds = rest[:rows].decode("ascii")
    parents, rest = _column("I", rest[rows:], rows)
    sizes, rest = _column("Q", rest, rows)
    mtimes, rest = _column("q", rest, rows)
    digests, rest = rest[: rows * DIGEST_BYTES], rest[rows * DIGEST_BYTES :]
    texts = rest.decode("utf-8", "surrogateescape").split("\0")
    if len(texts) != rows + links + 1:
        msg = f"the inventory of {prefix} is damaged: {len(texts) - 1} names, {rows + links} expected"
        raise ValueError(msg)
    targets = iter(texts[rows:])
    paths: list[str] = []
    for row, (kind, parent, size, mtime) in enumerate(zip(kinds, parents, sizes, mtimes, strict=True)):
        path = texts[row] if parent == TOP else f"{paths[parent]}/{texts[row]}"
        paths.append(path)
        digest = digests[row * DIGEST_BYTES : (row + 1) * DIGEST_BYTES]
        target = next(targets) if kind == "l" else ""
        yield Entry(path, kind, size, mtime, "" if digest == _UNKNOWN else digest.hex(), target)


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


def _encode(columns: Columns, digests: dict[str, tuple[int | None, str]]) -> Iterator[bytes | bytearray]:
    yield columns.kinds
    for code, values in (("I", columns.parents), ("Q", columns.sizes), ("q", columns.mtimes_ns)):
        column = array(code, values)
        if sys.byteorder == "big":
            column.byteswap()
        yield column.tobytes()
    yield bytes.fromhex("".join(_digests_of(columns, digests)))
    texts = "".join([f"{text}\0" for text in (*columns.names, *columns.targets)])
    yield texts.encode("utf-8", "surrogateescape")


def _digests_of(columns: Columns, digests: dict[str, tuple[int | None, str]]) -> Iterator[str]:
    """A column of hex; what conda-meta says of a file that was changed since (another size) does not count."""
    unknown = _UNKNOWN.hex()
    for kind, size, path in zip(columns.kinds, columns.sizes, columns.paths, strict=True):
        known_size, digest = digests.get(path, (0, ""))
        is_known = digest and kind not in (DIRECTORY, LINK) and known_size in (None, size)
        yield digest if is_known else unknown


def _header(line: bytes) -> dict[str, int]:
    header: dict[str, int] = json.loads(line)
    if header.get("version") != VERSION:
        msg = f"inventory of version {header.get('version')}, {VERSION} expected"
        raise ValueError(msg)
    return header


def _column(code: str, data: bytes, rows: int) -> "tuple[array[int], bytes]":
    column = array(code)
    end = rows * column.itemsize
    column.frombytes(data[:end])
    if sys.byteorder == "big":
        column.byteswap()
    return column, data[end:]
