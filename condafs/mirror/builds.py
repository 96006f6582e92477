"""How the builds that were submitted end, one report each. Statuses are read again and again: FUSE has no notices."""

import time
from collections.abc import Callable
from dataclasses import dataclass

import trio

from condafs.client.envs import Envs
from condafs.client.status import Status
from condafs.client.verdict import Verdict, judge
from condafs.mirror.reports import Kind, Report
from condafs.names import BuildName
from condafs.wording import seconds_text

PAUSE_SECONDS = 0.3
"""Between two looks while something is being built."""
LOST_SECONDS = 30.0
"""A build that its environment does not mention for as long is not followed any more."""

_KINDS = {
    Verdict.READY: Kind.READY,
    Verdict.FAILED: Kind.FAILED,
    Verdict.CANCELLED: Kind.CANCELLED,
    Verdict.SUPERSEDED: Kind.SUPERSEDED,
}


@dataclass(slots=True)
class _Followed:
    build: BuildName
    begun: float
    mentioned: float


class Builds:
    """Follows builds, the last one of each name.

    Args:
        envs: The mount.
        tell: Takes the reports.
        clock: Monotonic seconds.
    """

    def __init__(self, envs: Envs, tell: Callable[[Report], None], clock: Callable[[], float] = time.monotonic) -> None:
        self._envs = envs
        self._tell = tell
        self._clock = clock
        self._followed: dict[str, _Followed] = {}
        self._is_any = trio.Event()

    def follow(self, build: BuildName) -> None:
        """It was just submitted."""
        now = self._clock()
        self._followed[build.name.text] = _Followed(build, now, now)
        self._is_any.set()

    async def run(self) -> None:
        """Follow until cancelled."""
        while True:
            await self._is_any.wait()
            await trio.to_thread.run_sync(self.look, abandon_on_cancel=True)
            if not self._followed:
                self._is_any = trio.Event()
            await trio.sleep(PAUSE_SECONDS)

    def look(self) -> None:
        """Report what was decided since the last look."""
        for name, followed in list(self._followed.items()):
            try:
                status = self._envs.find_status(name)
            except OSError:
                continue  # the mount is gone; it may come back
            if self._is_over(followed, status) and self._followed.get(name) is followed:
                del self._followed[name]

    def _is_over(self, followed: _Followed, status: Status | None) -> bool:
        build, now = followed.build, self._clock()
        verdict = judge(status, build)
        if status and verdict in _KINDS:
            text = self._text(verdict, status, now - followed.begun)
            self._tell(Report(_KINDS[verdict], text, build.name.text, build=str(build)))
            return True
        if status and status.building and status.building.build == str(build):
            followed.mentioned = now
        return now - followed.mentioned > LOST_SECONDS

    def _text(self, verdict: Verdict, status: Status, seconds: float) -> str:
        after = f"after {seconds_text(seconds)}"
        if verdict is Verdict.READY:
            return f"ready {after}: {status.current.summary if status.current else 'published'}"
        if verdict is not Verdict.FAILED:
            return f"{verdict} {after}"
        error = status.last_error
        stays = f"; generation {status.current.generation} stays" if status.current else ""
        reason = f" ({error.kind}): {error.message}" if error else ""
        return f"failed {after}{stays}{reason}"
