"""All of /envs, put together, and what the rest of the house is told to forget."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import trio

from condafs.config import Settings
from condafs.scheduler.announcements import Announcement, BuildGone, NameGone
from condafs.tree.history import ExportsDirectory, HistoryDirectory
from condafs.tree.logs import LogsDirectory
from condafs.tree.node import Directory, Ownership
from condafs.tree.root import Places, Root
from condafs.tree.sources import Catalog, Intake, ProgressSource
from condafs.tree.specs.top import SpecsDirectory
from condafs.tree.status import StatusDirectory
from condafs.tree.status_text import Limits


class Tree:
    """What /envs looks like.

    Args:
        settings: Where things are, and modes.
        catalog, intake, progress: The rest of the house.
        now: Monotonic seconds.
    """

    def __init__(
        self,
        settings: Settings,
        catalog: Catalog,
        intake: Intake,
        progress: ProgressSource,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        settings.logs.mkdir(parents=True, exist_ok=True)
        shared, read_only = Ownership(permissions=settings.specs_mode), Ownership()
        self.state = settings.state
        self._specs = SpecsDirectory(settings.specs, catalog, intake, shared)
        limits = Limits(settings.builds, settings.attempts)
        self._places = Places(settings.builds)
        directories: dict[str, Directory] = {
            ".specs": self._specs,
            ".status": StatusDirectory(catalog, progress, limits, read_only, self._specs),
            ".logs": LogsDirectory(catalog, intake, settings.logs, shared),
            ".history": HistoryDirectory(catalog, read_only),
            ".exports": ExportsDirectory(read_only),
        }
        self.root = Root(
            catalog,
            intake,
            self._places,
            self._specs.submissions.removals,
            shared,
            directories,
            settled=self.settled,
            now=now,
        )

    def mounted_at(self, mountpoint: Path) -> None:
        """Targets of links may be given as paths below the mount point."""
        self._places.mountpoint = mountpoint

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Work on submissions until cancelled."""
        await self._specs.submissions.run(task_status)

    async def settled(self) -> None:
        """Every file that was closed before now is submitted."""
        await self._specs.submissions.settled()

    def statistics(self) -> os.statvfs_result:
        """Room on the disk that the state directory is on."""
        return os.statvfs(self.state)

    def vanished(self, announcement: Announcement) -> tuple[Directory, str] | None:
        """The name that is gone; None when nobody remembers it, because its lifetime is nothing anyway."""
        match announcement:
            case BuildGone(build):
                return self.root, str(build)
            case NameGone(name):
                return self.root, name.text
            case _:
                return None
