"""What the scheduler tells the people who follow the log of a build: one line for each change of its state.

Format: `2026-11-01 12:00:00 queued`; the builder, whose lines stand between them, writes the same. Which generation a
build became, when its name was pointed at it, and whose that is, can be read back from it when the catalog is lost.
"""

import json
import logging
import re
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

import trio

from condafs.catalog.records import BuildRecord, BuildState, EnvironmentRecord
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
        self._limiter = trio.CapacityLimiter(1)  # lines of one logbook stay in the order they were asked for

    def path(self, build: BuildName) -> Path:
        """The log of a build."""
        return self._directory / f"{build}.log"

    async def note(self, lines: Iterable[tuple[BuildName, str]]) -> None:
        """Append a line each; a full disk costs the line, not the build.

        A text of several lines has `| ` before all but the first, as in the builder's `Transcript`, and for its reason.
        """
        stamped = [(self.path(build), _stamped(self.stamp(self._clock()), text)) for build, text in lines]
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


def _stamped(stamp: str, text: str) -> str:
    return f"{stamp} " + f"\n{stamp} | ".join(text.splitlines()) + "\n"


def _append(lines: list[tuple[Path, str]]) -> None:
    for path, line in lines:
        try:
            with path.open("a", encoding="utf-8", errors="replace") as file:
                file.write(line)
        except OSError as error:
            logger.warning("a line is missing in %s: %s", path.name, error.strerror)


MOVED = "points here now"
"""The end of the line that says that the name was pointed at a build that was there already."""

_STAMP = r"(?P<stamp>\d{4}-\d\d-\d\d \d\d:\d\d:\d\d) "
_PUBLISHED = re.compile(
    _STAMP + r"published after -?[\d.]+ s: (?:\S+ is generation (?P<now>\d+) now|generation (?P<kept>\d+); .*)"
)
_MOVED = re.compile(_STAMP + rf"\S+ {MOVED}")
_CLAIMED = re.compile(_STAMP + r'\S+ is described by (?P<file>"[^\n]*") of user (?P<uid>\d+)')


def published_text(record: BuildRecord, *, is_current: bool) -> str:
    """The line for a build that became a generation."""
    moved = f"{record.name} is generation {record.generation} now"
    kept = f"generation {record.generation}; {record.name} stays where it is, it wants another build"
    return f"published after {record.finished - record.started:.1f} s: {moved if is_current else kept}"


def claimed_text(environment: EnvironmentRecord) -> str:
    """The line that says whose an environment is, in the log of its current build."""
    return f"{environment.name} is described by {json.dumps(environment.file_name)} of user {environment.owner_uid}"


@dataclass(frozen=True, slots=True)
class Claim:
    """A file that an environment was described by, and its owner; `at` is in Unix seconds, to the second."""

    at: float
    file_name: str
    owner_uid: int


@dataclass(frozen=True, slots=True)
class Told:
    """What a log tells of a build; 0 where it tells nothing. `pointed` is in Unix seconds, to the second."""

    generation: int = 0
    pointed: float = 0
    claim: Claim | None = None


NOTHING_TOLD = Told()


def read_log(lines: Iterable[str]) -> Told:
    """Which generation it is, when its name was last pointed at it, and whose that was."""
    told = NOTHING_TOLD
    for line in lines:
        if match := _PUBLISHED.fullmatch(line.rstrip("\n")):
            told = replace(told, generation=int(match["now"] or match["kept"]))
            told = replace(told, pointed=_moment(match)) if match["now"] else told
        elif match := _MOVED.fullmatch(line.rstrip("\n")):
            told = replace(told, pointed=_moment(match))
        elif match := _CLAIMED.fullmatch(line.rstrip("\n")):
            told = replace(told, claim=_claim(match) or told.claim)
    return told


def _claim(match: re.Match[str]) -> Claim | None:
    try:
        return Claim(_moment(match), str(json.loads(match["file"])), int(match["uid"]))
    except ValueError:
        return None


def _moment(match: re.Match[str]) -> float:
    try:
        return time.mktime(time.strptime(match["stamp"], _TIME))
    except (ValueError, OverflowError):
        return 0


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
