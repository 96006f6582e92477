"""Logs of builds that nobody knows any more: a crash between two steps of a removal leaves one. Blocking."""

import os
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from condafs.errors import InvalidNameError
from condafs.names import BuildName

_SUFFIX = ".log"

YOUNG_SECONDS = 3600
"""A log is written just before and just after what the catalog says of its build: a young one is left alone."""


def orphaned_logs(logs: Path, is_known: Callable[[BuildName], bool], now: float | None = None) -> list[Path]:
    """Logs that no build belongs to.

    Args:
        logs: Their directory.
        is_known: Whether the catalog has a build, in any state.
        now: Unix seconds; None: the clock's.
    """
    horizon = (time.time() if now is None else now) - YOUNG_SECONDS
    found = []
    with suppress(FileNotFoundError), os.scandir(logs) as listing:
        for entry in listing:
            build = _build_of(entry.name)
            with suppress(FileNotFoundError):
                if build and not is_known(build) and entry.stat(follow_symlinks=False).st_mtime < horizon:
                    found.append(Path(entry.path))
    return found


def _build_of(file_name: str) -> BuildName | None:
    try:
        return BuildName.parse(file_name.removesuffix(_SUFFIX)) if file_name.endswith(_SUFFIX) else None
    except InvalidNameError:
        return None
