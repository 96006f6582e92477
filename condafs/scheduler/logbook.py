"""What the scheduler tells the people who follow the log of a build: one line for each change of its state.

Format: `2026-11-01 12:00:00 queued`; the builder, whose lines stand between them, writes the same.
"""

import logging
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import trio

from condafs.catalog.records import BuildRecord, BuildState
from condafs.names import BuildName

logger = logging.getLogger(__name__)

_TIME = "%Y-%m-%d %H:%M:%S"


class Logbook:
    """The logs of all builds.

    Args:
        directory: Where they are.
        clock: Unix seconds.
    """

    def __init__(self, directory: Path, clock: Callable[[], float]) -> None:
        self._directory = directory
        self._clock = clock
        self._limiter = trio.CapacityLimiter(1)  # lines stay in the order they were asked for

    def path(self, build: BuildName) -> Path:
        """The log of a build."""
        return self._directory / f"{build}.log"

    async def note(self, lines: Iterable[tuple[BuildName, str]]) -> None:
        """Append a line each; a full disk costs the line, not the build."""
        stamped = [(self.path(build), f"{self.stamp(self._clock())} {text}\n") for build, text in lines]
        if stamped:
            await trio.to_thread.run_sync(_append, stamped, limiter=self._limiter)

    async def remove(self, build: BuildName) -> None:
        """Remove the log of a build that is deleted."""
        path = self.path(build)
        await trio.to_thread.run_sync(lambda: path.unlink(missing_ok=True), limiter=self._limiter)

    @staticmethod
    def stamp(moment: float) -> str:
        """Local time, as people read it."""
        return time.strftime(_TIME, time.localtime(moment))


def _append(lines: list[tuple[Path, str]]) -> None:
    for path, line in lines:
        try:
            with path.open("a", encoding="utf-8", errors="replace") as file:
                file.write(line)
        except OSError as error:
            logger.warning("a line is missing in %s: %s", path.name, error.strerror)


def describe(record: BuildRecord) -> str:
    """The line for a state that somebody's request led to."""
    match record.state:
        case BuildState.QUEUED:
            return "queued"
        case BuildState.SUPERSEDED:
            return "superseded: a newer specification of the same name came first"
        case BuildState.CANCELLED:
            return "cancelled"
        case BuildState.DELETING:
            return "being deleted"
        case _:
            return record.state.value
