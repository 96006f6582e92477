"""What a crash, or a kill in the middle of a removal, leaves among the builds; cleared away after each start.

Every directory there is the prefix of a READY build, of one that is being made or removed (the scheduler's business),
or a leftover: half of a cancelled build, or trash that `remove_prefix` had renamed aside. What is finished, and not
known at all, is none of these (`strays`): it stays.
"""

import os
import re
from collections.abc import Callable
from pathlib import Path

from condafs.catalog.reader import Snapshot
from condafs.catalog.records import ACTIVE_STATES
from condafs.errors import InvalidNameError
from condafs.names import BuildName, SpecDigest
from condafs.prefix.marker import is_finished
from condafs.prefix.seal import is_trash

_DIRECTORY = re.compile(r"\.?([0-9a-f]{64})-")


def find_leftovers(builds: Path, snapshot: Callable[[], Snapshot]) -> list[str]:
    """Names of directories that nobody needs, as far as can be told now; blocking, for a thread.

    A hundred thousand directories take a quarter of a second.
    """
    try:
        names = os.listdir(builds)  # noqa: PTH208 - names are wanted, not a hundred thousand Path objects
    except FileNotFoundError:
        return []
    with snapshot() as opened:
        return [name for name in opened.not_ready(names) if is_leftover(opened, builds, name)]


def is_leftover(snapshot: Snapshot, builds: Path, name: str) -> bool:
    """Whether a directory among the builds is nobody's. What condafs did not name is left alone."""
    if snapshot.is_ready(name):
        return False
    if is_trash(name):
        return True
    build = _build_of(name)
    if build is None:
        return False
    record = snapshot.build(build.digest)
    return not is_finished(builds / name) if record is None else record.state not in ACTIVE_STATES


def digest_in(name: str) -> SpecDigest | None:
    """The digest of the build whose directory, or trash, has that name; None for what condafs did not name.

    Who works on that build is the one to touch it: a removal renames a directory to trash before it empties it.
    """
    match = _DIRECTORY.match(name)
    return SpecDigest(match[1]) if match else None


def _build_of(name: str) -> BuildName | None:
    try:
        return BuildName.parse(name)
    except InvalidNameError:
        return None
