"""Opening LMDB's files as a catalog: maps and tables, and whether it is one of ours that is whole.

Opened for writing, by the holder of the catalog's lock, an empty directory becomes a catalog. Opened for reading,
nothing changes. Looking for damage, a process of its own does without LMDB's lock file (see `probe`).
"""

import os
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import lmdb

from condafs.catalog import probe
from condafs.catalog.errors import damaged_text
from condafs.catalog.reader import Snapshot
from condafs.catalog.schema import LATER_TABLES, META, TABLES, VERSION
from condafs.catalog.tables import Handles, RawTransaction
from condafs.errors import CatalogError

INITIAL_MAP_BYTES = 64 << 20
"""The map costs address space only; the file has what was written. 100,000 builds take about 60 MB, so that most
catalogs never move their map; one that is more than half full is doubled."""

MAX_READERS = 1024
"""Open snapshots of all processes; a slot of 64 bytes each in `lock.mdb`."""

_NEWER = "newer: "


@dataclass(frozen=True, slots=True)
class Opened:
    """LMDB's files, and the tables in them."""

    environment: lmdb.Environment
    handles: Handles


def open_to_write(path: Path, map_bytes: int) -> Opened:
    """Open the files in a directory, in a map of at least that many bytes; they are made when there are none.

    Raises:
        CatalogError: Of a newer version.
        lmdb.Error, OSError: It cannot be opened, or is no catalog.
    """
    data = path / "data.mdb"
    size = max(map_bytes, 2 * data.stat().st_size if data.exists() else 0)
    environment = lmdb.Environment(str(path), map_size=size, max_dbs=len(TABLES), max_readers=MAX_READERS, mode=0o660)
    handles = _open_tables(path, environment)
    environment.reader_check()
    return Opened(environment, handles)


def open_to_read(path: Path) -> Opened:
    """Open the files in a directory beside who writes.

    Raises:
        CatalogError: Of a newer version.
        lmdb.Error, OSError: It cannot be opened, or is no catalog.
    """
    environment = lmdb.Environment(
        str(path), readonly=True, create=False, max_dbs=len(TABLES), map_size=INITIAL_MAP_BYTES
    )
    environment.reader_check()
    return Opened(environment, _open_tables(path, environment, is_new_allowed=False))


def require_whole(path: Path) -> None:
    """Read all of a catalog that nobody writes to now.

    Raises:
        CatalogError: It is damaged, or of a newer version.
    """
    if damage := find_damage(path):
        raise CatalogError(damaged_text(path, damage))


def find_damage(path: Path) -> str:
    """What is wrong with a catalog that nobody writes to now, "" when nothing is; one that does not exist is whole.

    Raises:
        CatalogError: It is of a newer version.
    """
    data = path / "data.mdb"
    if not data.exists() or not data.stat().st_size:
        return ""  # nothing yet, or nothing left: LMDB begins anew
    answer = probe.find_damage(lambda: _read_all(path))
    if answer.startswith(_NEWER):
        raise CatalogError(answer.removeprefix(_NEWER))
    return answer


def _read_all(path: Path) -> str:
    """Every page, then every record. LMDB's lock file is left alone."""
    size = max(INITIAL_MAP_BYTES, 2 * (path / "data.mdb").stat().st_size)
    environment = lmdb.Environment(
        str(path), readonly=True, create=False, lock=False, max_dbs=len(TABLES), map_size=size
    )
    nowhere = os.open(os.devnull, os.O_WRONLY)
    environment.copyfd(nowhere, compact=True)  # counts pages, those that are free as well
    try:
        handles = _open_tables(path, environment, is_new_allowed=False)
    except CatalogError as error:
        return f"{_NEWER}{error}"
    raw = environment.begin()
    return probe.contradiction_in(Snapshot(cast("RawTransaction", raw), handles, raw.abort))


def _open_tables(path: Path, environment: lmdb.Environment, *, is_new_allowed: bool = True) -> Handles:
    """Handles of all tables, after the version was looked at; an empty environment becomes a catalog.

    One that is only read may lack later tables: its daemon is older than this program.
    """
    try:
        meta = environment.open_db(META, create=is_new_allowed)
        with environment.begin() as transaction:
            found = transaction.get(b"schema", db=meta)
        _require_known(path, found)
        handles = {META: meta}
        for table in TABLES[1:]:
            try:
                handles[table] = environment.open_db(table, create=is_new_allowed)
            except lmdb.NotFoundError:
                if table not in LATER_TABLES:
                    raise
        if found is None and is_new_allowed:
            with environment.begin(write=True) as transaction:
                transaction.put(b"schema", str(VERSION).encode(), db=meta)
    except BaseException:
        environment.close()
        raise
    return handles


def _require_known(path: Path, found: bytes | None) -> None:
    if found is not None and int(found) != VERSION:
        msg = (
            f"the catalog {path} has format {int(found)}, and this condafs knows format {VERSION}: it was "
            "written by a newer condafs. Start that one, or name another directory with --state"
        )
        raise CatalogError(msg)
