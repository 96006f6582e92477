"""What goes on, told to whoever started the daemon as soon as it changes: the line in `systemctl status`."""

from collections.abc import Callable

import trio

from condafs.catalog.store import Catalog
from condafs.scheduler.scheduler import Scheduler

BUSY_SECONDS = 1
"""Between two looks while something is being built."""

IDLE_SECONDS = 60
"""Otherwise: what changes without the scheduler (a file is retired) may show so much later."""


async def tell_overview(scheduler: Scheduler, catalog: Catalog, tell: Callable[[str], None]) -> None:
    """Tell the line, and again when it has changed, until cancelled."""
    told, version, environments = "", -1, 0
    while True:
        with catalog.snapshot() as snapshot:
            if snapshot.version != version:
                version, environments = snapshot.version, sum(1 for _ in snapshot.names_in_use())
        line = scheduler.overview(environments).line()
        if line != told:
            tell(line)
            told = line
        with trio.move_on_after(BUSY_SECONDS if scheduler.is_busy else IDLE_SECONDS):
            await scheduler.changed.wait()
            await trio.sleep(BUSY_SECONDS / 5)  # what comes together is told together
