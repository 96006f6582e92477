"""At the start: files and environments agree on whose they are.

They differ after a crash between the two halves of a chown, under catalogs of older versions, and when the state
directory was restored by a tool that leaves extended attributes out. A file that says whose it is, is believed.
"""

import logging
import os
import stat
from dataclasses import replace
from pathlib import Path

import trio

from condafs.catalog.store import Catalog
from condafs.scheduler.intake import Intake
from condafs.tree.specs.owner import find_owner, read_owner, write_owner

logger = logging.getLogger(__name__)


async def reconcile_owners(intake: Intake, catalog: Catalog, specs: Path) -> None:
    """Give environments to the owners of their files, and files without one to the owners of their environments."""
    for file_name, uid in await trio.to_thread.run_sync(_find_given, catalog, specs):
        logger.info("%s belongs to uid %d now, and so does what it describes", file_name, uid)
        await intake.give(file_name, uid)


def _find_given(catalog: Catalog, specs: Path) -> list[tuple[str, int]]:
    """(file, owner) where the environment has another owner; blocking."""
    with catalog.snapshot() as snapshot:
        owners = list(snapshot.file_owners())
    given = []
    for file_name, environment_uid in owners:
        uid = _owner_of(f"{specs}/{file_name}", environment_uid)
        if uid not in (None, environment_uid):
            given.append((file_name, uid))
    return given


def _owner_of(path: str, environment_uid: int) -> int | None:
    """The file's owner; the environment's, from now on, when it has none. None when it is not there."""
    try:
        found = os.lstat(path)
        if not stat.S_ISREG(found.st_mode):
            return None
        if stored := find_owner(path):
            return stored.uid
        underneath = read_owner(path, found)
        if underneath.uid in (0, os.geteuid()) and environment_uid != underneath.uid:
            write_owner(path, replace(underneath, uid=environment_uid))
            return environment_uid
    except OSError as error:
        logger.warning("%s: it cannot be found out whose it is: %s", os.path.basename(path), error)  # noqa: PTH119
        return None
    return underneath.uid
