"""Whether there is room for what was solved, asked before anything is fetched.

Better no than half: a disk that is filled to the last byte by a build that cannot succeed is everybody's trouble.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from condafs.builder.archives import Archive
from condafs.builder.failure import BuildError
from condafs.builder.protocol import FailureKind
from condafs.wording import size_text

EXPANSION = 2
"""Extracted packages are that many times as large as their archives, at least. Measured on 115 packages of a data
science environment: 3.9 in sum, 1.9 the least. Nobody knows it before, and a build that would fit must not be refused:
one that fails half way is tried again all the same."""


def require_room(fresh: Sequence[Archive], everything: Sequence[Archive], packages: Path, prefixes: Path) -> None:
    """Compare what will be extracted with what is free.

    Args:
        fresh: What is not in the package cache.
        everything: What the environment is made of.
        packages: The package cache.
        prefixes: Where the environment will be; on another filesystem, all of it is copied there.

    Raises:
        BuildError: DISK_FULL.
    """
    _require(packages, _extracted(fresh), len(fresh))
    if packages.stat().st_dev != prefixes.stat().st_dev:
        _require(prefixes, _extracted(everything), len(everything))


def _extracted(archives: Sequence[Archive]) -> int:
    return EXPANSION * sum(archive.size_bytes for archive in archives)


def _require(place: Path, needed_bytes: int, count: int) -> None:
    found = os.statvfs(place)
    free_bytes = found.f_bavail * found.f_frsize
    if needed_bytes > free_bytes:
        msg = (
            f"needs at least {size_text(needed_bytes)} for {count} packages, {size_text(free_bytes)} are free on "
            f"{place}: condafs du says what takes the room, condafs gc makes some"
        )
        raise BuildError(FailureKind.DISK_FULL, msg)
