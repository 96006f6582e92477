"""The house put together: the only place that builds objects out of others.

One trio process. Start: directories, catalog (exclusive), what a crash left is put right, mount, ready. End (SIGTERM,
SIGINT, or the mount taken away from outside): the mount goes first, so that nobody meets a half-closed daemon; then the
running builds are killed, which the catalog remembers as interrupted and not as failed.
"""

import logging
import os
import random
import signal
import time
from functools import partial
from pathlib import Path

import trio

from condafs.builder.runner import LocalRunner
from condafs.catalog.store import Catalog
from condafs.config import Settings
from condafs.errors import DiskFullError, MachineError
from condafs.filesystem.serve import serve
from condafs.notify import Notifier
from condafs.scheduler.announcements import Announcements
from condafs.scheduler.intake import Intake
from condafs.scheduler.scheduler import Scheduler
from condafs.tree.tree import build_tree

log = logging.getLogger(__name__)


def run(mountpoint: Path, settings: Settings) -> int:
    """Serve `/envs` at a directory until it is unmounted or the process is told to end.

    Args:
        mountpoint: An existing directory.
        settings: Where the state is and what is allowed.

    Returns:
        The exit code: 0 after a clean end.

    Raises:
        CondafsError: It cannot start: state not writable or in use, no FUSE, something else mounted there.
    """
    notifier = Notifier.take(os.environ, os.getpid())
    _make_directories(settings)
    with Catalog.open(settings.catalog) as catalog:
        trio.run(_serve, mountpoint, settings, catalog, notifier)
    return 0


def _make_directories(settings: Settings) -> None:
    try:
        for directory in (settings.state, settings.catalog, settings.specs, settings.builds, settings.logs):
            directory.mkdir(parents=True, exist_ok=True)
        settings.packages.mkdir(exist_ok=True)
    except OSError as error:
        kind = DiskFullError if error.errno == 28 else MachineError  # noqa: PLR2004
        msg = f"cannot make the state directory {settings.state}: {error.strerror}; --state names another one"
        raise kind(msg) from None


async def _serve(mountpoint: Path, settings: Settings, catalog: Catalog, notifier: Notifier) -> None:
    announcements = Announcements()
    scheduler = Scheduler(catalog, LocalRunner(), settings, clock=time.time, uniform=random.uniform)
    intake = Intake(catalog, scheduler, announcements, settings, clock=time.time)
    tree = build_tree(catalog, intake, scheduler, settings, mountpoint)
    async with trio.open_nursery() as nursery:
        await nursery.start(scheduler.run)
        nursery.start_soon(_feed_watchdog, notifier)
        async with trio.open_nursery() as serving:
            await serving.start(_end_on_signal, serving.cancel_scope)
            await serving.start(partial(serve, tree, mountpoint, announcements=announcements))
            notifier.ready(f"serving {mountpoint}")
        notifier.stopping()
        nursery.cancel_scope.cancel()
