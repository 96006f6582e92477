"""Which other builds the damaged files of one are part of: hard links of one inode are damaged together."""

import os
from collections.abc import Iterator
from contextlib import suppress

from condafs.errors import InvalidNameError
from condafs.health.check import Report
from condafs.health.problem import Damage
from condafs.names import BuildName
from condafs.prefix.marker import is_finished

_OF_THE_INODE = frozenset({Damage.CHANGED, Damage.UNREADABLE, Damage.MODE, Damage.TIME})
_MOST_PATHS = 1000


def other_builds_of(report: Report) -> Iterator[BuildName]:
    """Finished builds in the same directory that have, at the same path, the same file as one that is damaged."""
    prefix = report.prefix
    inodes = dict(_shared(report))
    if not inodes:
        return
    for other in sorted(prefix.parent.iterdir()):
        if other.name != prefix.name and is_finished(other):
            with suppress(InvalidNameError):
                build = BuildName.parse(other.name)
                if any(_inode(f"{other}/{path}") == inode for path, inode in inodes.items()):
                    yield build


def _shared(report: Report) -> Iterator[tuple[str, tuple[int, int]]]:
    for problem in report.problems[:_MOST_PATHS]:
        if problem.damage in _OF_THE_INODE:
            place = f"{report.prefix}/{problem.path}"
            with suppress(OSError):
                if os.lstat(place).st_nlink > 1 and os.path.isfile(place) and (inode := _inode(place)):  # noqa: PTH113
                    yield problem.path, inode


def _inode(place: str) -> tuple[int, int] | None:
    try:
        found = os.lstat(place)
    except OSError:
        return None
    return found.st_dev, found.st_ino
