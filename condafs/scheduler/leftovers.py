"""What a crash, or a kill in the middle of a removal, leaves among the builds; cleared away after each start.

Every directory there is the prefix of a READY build, of one that is being made or removed (the scheduler's business),
or a leftover: half of a cancelled build, or trash that `remove_prefix` had renamed aside.
"""

import logging
import os
from collections.abc import Callable
from pathlib import Path

from condafs.catalog.reader import Snapshot
from condafs.catalog.records import ACTIVE_STATES
from condafs.errors import InvalidNameError
from condafs.names import BuildName
from condafs.prefix.seal import is_trash

logger = logging.getLogger(__name__)


def find_leftovers(builds: Path, snapshot: Callable[[], Snapshot]) -> list[str]:
    """Names of directories that nobody needs, as far as can be told now; blocking, for a thread.

    A hundred thousand directories take a quarter of a second.
    """
    try:
        names = os.listdir(builds)  # noqa: PTH208 - names are wanted, not a hundred thousand Path objects
    except FileNotFoundError:
        return []
    with snapshot() as opened:
        return [name for name in names if is_leftover(opened, name)]


def is_leftover(snapshot: Snapshot, name: str) -> bool:
    """Whether a directory among the builds is nobody's. What condafs did not name is left alone."""
    if snapshot.is_ready(name):
        return False
    if is_trash(name):
        return True
    build = build_of(name)
    if build is None:
        return False
    record = snapshot.build(build.digest)
    return record is None or record.state not in ACTIVE_STATES


def build_of(name: str) -> BuildName | None:
    """The build that a directory is called by, when it is."""
    try:
        return BuildName.parse(name)
    except InvalidNameError:
        return None
