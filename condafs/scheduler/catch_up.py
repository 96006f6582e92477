"""At the start: files of `.specs` that were written or removed while nobody looked, or just before a crash.

Unchanged files are told by size and time alone: ten thousand of them take a tenth of a second.
"""

import hashlib
import logging
import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from itertools import filterfalse
from pathlib import Path

import trio

from condafs.catalog.store import Catalog
from condafs.errors import SpecificationError
from condafs.names import is_spec_file
from condafs.scheduler.intake import Intake

logger = logging.getLogger(__name__)

MAX_READ_BYTES = (1 << 20) + 1
"""One byte more than a specification may have, so that what is longer shows as longer."""

AT_A_TIME = 64
"""Submissions under way together: they share commits."""


@dataclass(frozen=True, slots=True)
class Difference:
    """File names that are new or changed, and names of files that are gone."""

    changed: tuple[str, ...]
    gone: tuple[str, ...]


async def catch_up(
    intake: Intake,
    catalog: Catalog,
    specs: Path,
    owner_of: Callable[[Path], int],
    is_being_written: Callable[[str], bool],
) -> None:
    """Submit what differs from what the catalog knows of, retire what is gone.

    Args:
        intake: Takes them.
        catalog: What is known.
        specs: Directory of the files.
        owner_of: User id of a file's owner.
        is_being_written: Whether somebody still writes to a file of that name, who hands it on by closing it.
    """
    difference = await trio.to_thread.run_sync(find_difference, catalog, specs)
    for file_name in difference.gone:
        logger.info("%s is gone since the last run", file_name)
        await intake.retire(file_name)
    limiter = trio.CapacityLimiter(AT_A_TIME)
    async with trio.open_nursery() as nursery:
        for file_name in filterfalse(is_being_written, difference.changed):
            nursery.start_soon(_take, intake, catalog, specs / file_name, owner_of, limiter)


def find_difference(catalog: Catalog, specs: Path) -> Difference:
    """Compare files with their records, by size and time of modification; blocking."""
    with catalog.snapshot() as snapshot:
        known = dict(snapshot.file_stamps())
    changed: list[str] = []
    with os.scandir(specs) as listing:
        for entry in listing:
            name = entry.name
            if not is_spec_file(name) or not name.isprintable() or not entry.is_file(follow_symlinks=False):
                continue
            found = entry.stat(follow_symlinks=False)
            if known.pop(name, None) != (found.st_size, found.st_mtime_ns):
                changed.append(name)
    return Difference(tuple(sorted(changed)), tuple(sorted(known)))


async def _take(
    intake: Intake, catalog: Catalog, path: Path, owner_of: Callable[[Path], int], limiter: trio.CapacityLimiter
) -> None:
    async with limiter:
        try:
            content, found = await trio.to_thread.run_sync(_read, path)
            uid = owner_of(path)
        except OSError as error:
            logger.warning("%s cannot be read: %s", path.name, error)
            return
        with catalog.snapshot() as snapshot:
            known = snapshot.file(path.name)
        if known and not known.refusal and known.content_sha256 == hashlib.sha256(content).hexdigest():
            with suppress(SpecificationError):  # logged, and kept with the file
                await intake.retry(path.name, mtime_ns=found.st_mtime_ns)
        elif content.strip():
            logger.info("%s was written since the last run", path.name)
            try:
                await intake.submit(path.name, content, found.st_mtime_ns, uid)
            except SpecificationError:
                return  # logged, and kept with the file
            except Exception:
                # A defect that one file hits must not keep everybody's mount from starting.
                logger.exception("%s is not taken; touch it to try again", path.name)


def _read(path: Path) -> tuple[bytes, os.stat_result]:
    with path.open("rb", buffering=0) as file:
        return os.pread(file.fileno(), MAX_READ_BYTES, 0), os.fstat(file.fileno())
