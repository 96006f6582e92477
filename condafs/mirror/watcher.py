"""The loop: look at everything, hand on what changed, wait until something is heard."""

import threading
from collections.abc import Callable

import trio

from condafs.mirror.builds import Builds
from condafs.mirror.door import Door
from condafs.mirror.mirror import Mirror, Tally
from condafs.mirror.notices import Notices
from condafs.mirror.reports import Kind, Report
from condafs.mirror.survey import Selection, Survey, survey

ROUNDS = 5
"""Directories that keep appearing while they are looked at do not keep files waiting for longer than these surveys."""
UNSETTLED_SECONDS = 1.0
"""Until the next survey while something is waited for that is not heard."""


class Watcher:
    """Watches for as long as `run` runs.

    Args:
        selection: What.
        door: Where it goes.
        tell: Takes the reports, one at a time, in whatever thread.
        retires: Whether removing a file retires its environment.
    """

    def __init__(
        self, selection: Selection, door: Door, tell: Callable[[Report], None], *, retires: bool = False
    ) -> None:
        self._selection = selection
        self._tell = _one_at_a_time(tell)
        self._mirror = Mirror(door, self._tell, selection.paths, retires=retires)
        self._builds = Builds(door.envs, self._tell)
        self._notices = Notices(
            lambda name, interest, is_directory: selection.is_wanted(name, interest, is_directory=is_directory)
        )
        self._said: set[str] = set()

    async def run(self) -> None:
        """Until cancelled, even while a mount keeps one of its threads waiting."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._builds.run)
                is_first = True
                while True:
                    tally = await self._look()
                    if is_first:
                        self._say_watching(tally)
                    is_first = False
                    await self._notices.wait(UNSETTLED_SECONDS if self._mirror.is_waiting else None)
        finally:
            self._notices.close()

    async def _look(self) -> Tally:
        for _ in range(ROUNDS):
            seen = await trio.to_thread.run_sync(survey, self._selection, abandon_on_cancel=True)
            if not self._notices.cover(seen.interests):
                break
        self._say_obstacles(seen)
        tally = await trio.to_thread.run_sync(self._mirror.update, seen, abandon_on_cancel=True)
        for build in tally.submitted:
            self._builds.follow(build)
        return tally

    def _say_watching(self, tally: Tally) -> None:
        paths = ", ".join(map(str, self._selection.paths))
        facts = f"{len(tally.submitted)} submitted, {tally.unchanged} as they were submitted before"
        self._tell(Report(Kind.WATCHING, f"watching {paths}: {facts}"))

    def _say_obstacles(self, seen: Survey) -> None:
        """Each once, and again when it was gone meanwhile."""
        obstacles = {f"{path} is not there; waiting for it": Kind.MISSING for path in seen.missing}
        obstacles |= {f"{path} cannot be read: {why}": Kind.UNREADABLE for path, why in seen.unreadable.items()}
        if self._notices.deafness:
            obstacles[f"looking every two seconds, because {self._notices.deafness}"] = Kind.SLOW
        for text, kind in obstacles.items():
            if text not in self._said:
                self._tell(Report(kind, text))
        self._said = set(obstacles)


def _one_at_a_time(tell: Callable[[Report], None]) -> Callable[[Report], None]:
    lock = threading.Lock()

    def tell_alone(report: Report) -> None:
        with lock:
            tell(report)

    return tell_alone
