"""A damaged or lost catalog is made anew from what is on the disk; nothing there is removed, and no build touched.

The new one is complete before the old one goes aside, under one rename, while the catalog's lock is held: whoever is
killed here leaves the old one in its place, or the new one.
"""

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path

from condafs.catalog.files import lock
from condafs.catalog.opening import find_damage
from condafs.catalog.store import Catalog
from condafs.config import Settings
from condafs.errors import CatalogError
from condafs.scheduler.remembrance import remember, write_down
from condafs.scheduler.strays import find_strays, require_catalog_of
from condafs.scheduler.survivors import surviving_builds, surviving_files


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """What became of it.

    Attributes:
        aside: Where the old one is kept; None when there was none.
        contested: Names that are nobody's, because files of several users describe them.
    """

    builds: int
    environments: int
    aside: Path | None
    contested: tuple[str, ...] = ()


def why_rebuild(settings: Settings) -> str:
    """What is wrong with the catalog, a sentence; "" when it is whole and knows all builds.

    Raises:
        CatalogError: Somebody uses it, or it is of a newer version.
    """
    try:
        require_catalog_of(settings.builds, settings.catalog)
    except CatalogError:
        return f"the catalog {settings.catalog} is lost"
    if not settings.catalog.is_dir():
        return ""
    fd = lock(settings.catalog)
    try:
        if damage := find_damage(settings.catalog):
            return f"the catalog {settings.catalog} is damaged: {damage}"
    finally:
        os.close(fd)
    with Catalog.open(settings.catalog) as catalog, catalog.snapshot() as snapshot:
        strays = [build for build, is_known in find_strays(settings.builds, snapshot) if not is_known]
    return f"the catalog {settings.catalog} does not know {len(strays)} of the builds" if strays else ""


def rebuild_catalog(settings: Settings, owner_of: Callable[[Path], int]) -> Rebuilt:
    """Make a new catalog.

    Args:
        settings: Where everything is.
        owner_of: User id of the owner of a file of `.specs`.

    Raises:
        CatalogError: A daemon uses it.
        DiskFullError: No room.
    """
    path = settings.catalog
    path.mkdir(parents=True, exist_ok=True)
    lock_fd = lock(path)
    fresh = path.with_name(f"{path.name}.new")
    try:
        shutil.rmtree(fresh, ignore_errors=True)  # of one that was killed: the lock is ours
        remembered = remember(
            surviving_builds(settings), surviving_files(settings, owner_of), settings.state.stat().st_uid
        )
        with Catalog.open(fresh) as catalog:
            catalog.write_now(lambda transaction: write_down(transaction, remembered, time.time()))
        aside = _set_aside(path)
        (path / "lock.mdb").unlink(missing_ok=True)  # it belongs to the old file
        (fresh / "data.mdb").replace(path / "data.mdb")
        shutil.rmtree(fresh)
        _sync(path)
    finally:
        os.close(lock_fd)
    contested = tuple(sorted(name.text for name in remembered.contested))
    return Rebuilt(len(remembered.builds), len(remembered.environments), aside, contested)


def _set_aside(path: Path) -> Path | None:
    """One more name for the old file; it keeps its own until the new one takes it."""
    data = path / "data.mdb"
    if not data.exists():
        return None
    stamp = time.strftime("%Y-%m-%d-%H%M%S")
    names = chain([stamp], (f"{stamp}-{number}" for number in count(2)))
    aside = next(place for name in names if not (place := path.with_name(f"{path.name}.damaged-{name}")).exists())
    aside.mkdir(mode=0o700)
    try:
        (aside / data.name).hardlink_to(data)
    except OSError:  # no hard links here
        shutil.copy2(data, aside / data.name)
    return aside


def _sync(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
