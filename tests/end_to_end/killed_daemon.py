"""A daemon that is killed (SIGKILL, by itself) at one exact step of its work.

    python -m tests.end_to_end.killed_daemon STEP MOUNTPOINT STATE CONFIG

STEP: `phase <phase>`: when the builder says that it begins; `outcome`: between the builder's success and the
publication; `before <n>`, `after <n>`: around the n-th commit of the catalog after the mount is ready.
"""

import os
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from condafs import daemon
from condafs.builder.protocol import BuildRequest, Failed, Progress, Succeeded
from condafs.builder.runner import LocalRunner
from condafs.catalog.store import Catalog
from condafs.config import load_settings
from condafs.notify import Notifier


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


class DyingRunner:
    """Runs real builders, and takes the daemon with it at a step."""

    def __init__(self, step: Sequence[str]) -> None:
        self._step = list(step)
        self._runner = LocalRunner()

    async def run(
        self, request: BuildRequest, log: Path, on_progress: Callable[[Progress], None]
    ) -> Succeeded | Failed:
        def watch(progress: Progress) -> None:
            if self._step == ["phase", progress.phase]:
                die()
            on_progress(progress)

        outcome = await self._runner.run(request, log, watch)
        if self._step == ["outcome"]:
            die()
        return outcome

    async def remove(self, prefix: Path) -> None:
        await self._runner.remove(prefix)


class CountingCatalog(Catalog):
    """Dies around one of its commits."""

    step: tuple[str, int] = ("", 0)
    is_counting = False
    count = 0

    def _commit(self, jobs: Sequence[Any]) -> None:
        type(self).count += self.is_counting
        if self.step == ("before", self.count):
            die()
        super()._commit(jobs)
        if self.step == ("after", self.count):
            die()


class CountingNotifier(Notifier):
    """From readiness on, commits are counted."""

    def ready(self, status: str = "") -> None:
        CountingCatalog.is_counting = True
        super().ready(status)


if __name__ == "__main__":
    *step, mountpoint, state, config = sys.argv[1:]
    if step[0] in ("before", "after"):
        CountingCatalog.step = (step[0], int(step[1]))
    daemon.Catalog = CountingCatalog  # type: ignore[misc]
    daemon.Notifier = CountingNotifier  # type: ignore[misc]
    settings = load_settings(Path(config), Path(state))
    sys.exit(daemon.run(Path(mountpoint), settings, DyingRunner(step)))
