"""A daemon without a builder: the real mount, catalog, intake and scheduler; builds do what the specification says.

    python -m tests.mounted.scripted MOUNTPOINT STATE

It writes `ready` to standard output when the tree can be seen, and ends at SIGTERM with 0. A specification's
`variables: {SCRIPT: ...}` says how its build goes::

    (none)      succeeds at once: the prefix holds `specification`, the canonical bytes
    hang        says that it is linking, and goes on until it is cancelled
    fail        fails for good
    network     fails for a passing reason
"""

import json
import logging
import os
import random
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from functools import partial
from pathlib import Path

import trio

from condafs.builder.protocol import BuildRequest, Failed, FailureKind, Phase, Progress, Succeeded
from condafs.catalog.store import Catalog
from condafs.config import Settings
from condafs.filesystem.serve import serve
from condafs.scheduler.announcements import Announcements
from condafs.scheduler.intake import Intake
from condafs.scheduler.scheduler import Scheduler
from condafs.tree.tree import Tree


class ScriptedRunner:
    """Builds nothing."""

    async def run(
        self, request: BuildRequest, log: Path, on_progress: Callable[[Progress], None]
    ) -> Succeeded | Failed:
        script = json.loads(request.specification).get("variables", {}).get("SCRIPT", "")
        with log.open("a") as output:
            output.write(f"script: {script or 'succeed'}\n")
        match script:
            case "hang":
                on_progress(Progress(Phase.LINK, "numpy", 1, 2))
                await trio.sleep_forever()
            case "fail":
                return Failed(FailureKind.UNSATISFIABLE, "there is no numpy 99", Phase.SOLVE)
            case "network":
                return Failed(FailureKind.NETWORK, "no route to host", Phase.FETCH)
        prefix = Path(request.prefix)
        prefix.mkdir(parents=True)  # noqa: ASYNC240 - tiny
        (prefix / "specification").write_text(request.specification)
        return Succeeded(100, 10, 2, 1, "0" * 64)


async def run(mountpoint: Path, settings: Settings) -> None:
    """Serve until SIGTERM."""
    for directory in (settings.specs, settings.builds, settings.logs):
        directory.mkdir(parents=True, exist_ok=True)
    with Catalog.open(settings.catalog) as catalog:
        announcements = Announcements()
        scheduler = Scheduler(catalog, ScriptedRunner(), settings, clock=time.time, uniform=random.uniform)
        intake = Intake(catalog, scheduler, announcements, settings, clock=time.time)
        tree = Tree(settings, catalog, intake, scheduler)
        with trio.open_signal_receiver(signal.SIGTERM) as signals:
            async with trio.open_nursery() as nursery:
                await nursery.start(scheduler.run)
                async with trio.open_nursery() as serving:
                    serving.start_soon(_cancel_at_signal, signals, serving.cancel_scope)
                    started = partial(
                        serve, tree, mountpoint, allow_other=os.geteuid() == 0, announcements=announcements
                    )
                    await serving.start(_announce_end, started, serving.cancel_scope)
                    sys.stdout.write("ready\n")
                    sys.stdout.flush()
                nursery.cancel_scope.cancel()


async def _cancel_at_signal(signals: AsyncIterator[int], scope: trio.CancelScope) -> None:
    async for _ in signals:
        scope.cancel()
        return


async def _announce_end(
    started: Callable[..., object],
    scope: trio.CancelScope,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serving may end by itself, when somebody unmounts."""
    await started(task_status=task_status)  # type: ignore[misc]
    scope.cancel()


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(levelname)s %(name)s: %(message)s")
    trio.run(run, Path(sys.argv[1]), Settings(Path(sys.argv[2]), backoff_initial_seconds=0.05))
