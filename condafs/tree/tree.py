"""All of /envs, put together, and who is told when links move."""

import logging
import os
import time
from collections.abc import Callable, Container, Iterable
from pathlib import Path

import trio

from condafs.config import Settings
from condafs.config.sharing import find_sharing
from condafs.errors import MachineError
from condafs.names import BuildName, EnvironmentName
from condafs.tree.exports import ExportsDirectory
from condafs.tree.history import HistoryDirectory
from condafs.tree.logs import LogsDirectory
from condafs.tree.node import Directory, Link, Node, Ownership
from condafs.tree.passing import PassingLinks
from condafs.tree.pins import PinsDirectory
from condafs.tree.places import Places
from condafs.tree.quota import QuotaDirectory
from condafs.tree.recall import Recall
from condafs.tree.rights import Rights
from condafs.tree.root import Root
from condafs.tree.sources import Catalog, ExportSource, Intake, ProgressSource, Steering
from condafs.tree.specs.owner import can_keep_owners
from condafs.tree.specs.top import SpecsDirectory
from condafs.tree.status import StatusDirectory
from condafs.tree.status_text import Limits

logger = logging.getLogger(__name__)


class Tree:
    """What /envs looks like.

    Args:
        settings: Where things are, and modes.
        catalog, intake, steering, progress, exports: The rest of the house.
        now: Monotonic seconds, for the links in passing.

    Raises:
        MachineError: This machine lacks what other users need: the group, or a place to keep owners.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - the tree shows all of the house
        self,
        settings: Settings,
        catalog: Catalog,
        intake: Intake,
        steering: Steering,
        progress: ProgressSource,
        exports: ExportSource,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        settings.logs.mkdir(parents=True, exist_ok=True)
        shared, read_only, rights = _shared_by(settings), Ownership(), Rights(is_shared=settings.is_shared)
        self.state = settings.state
        self._specs = SpecsDirectory(settings.specs, catalog, intake, shared, rights, lambda name: self._moved([name]))
        limits = Limits(settings.builds, settings.attempts)
        self._places = Places(settings.builds)
        self._forget: Callable[[Directory, str, Link], None] | None = None
        history = HistoryDirectory(catalog, read_only, self.settled)
        listing = ExportsDirectory(catalog, exports, read_only)
        quota = QuotaDirectory(catalog, intake, read_only, settled=self.settled, clock=time.time)
        directories: dict[str, Directory] = {
            ".specs": self._specs,
            ".status": StatusDirectory(catalog, progress, exports, limits, read_only, self._specs, quota),
            ".logs": LogsDirectory(catalog, steering, settings.logs, shared, rights),
            ".history": history,
            ".exports": listing,
            ".pins": PinsDirectory(catalog, steering, self._places, shared, self.settled),
        }
        passing = PassingLinks(catalog, now)
        self.root = Root(
            catalog,
            steering,
            self._places,
            self._specs.submissions.removals,
            shared,
            rights,
            directories,
            passing,
            listing,
            settled=self.settled,
        )
        self._recall = Recall(self.root, self._specs, listing, history, quota, passing, directories)
        catalog.watch(self._moved)

    def mounted_at(self, mountpoint: Path) -> None:
        """Targets of links may be given as paths below the mount point."""
        self._places.mountpoint = mountpoint

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Work on submissions until cancelled."""
        await self._specs.submissions.run(task_status)

    async def settled(self) -> None:
        """Every file that was closed before now is submitted."""
        await self._specs.submissions.settled()

    async def recall(self, key: bytes) -> Node | None:
        """The node of a key that another process gave away; None when there is no such thing any more."""
        return await self._recall.node(key)

    def keep_open_files(self) -> None:
        """Files of `.specs` that lose their last name while they are open stay for another process."""
        self._specs.registry.keep_in(self.state / "open")

    def drop_open_files(self, keys: Container[bytes]) -> None:
        """Of those, remove all but those of these keys."""
        self._specs.drop_kept(keys)

    def is_being_written(self, file_name: str) -> bool:
        """Whether somebody has that file of `.specs` open to write: it is submitted when that ends."""
        return self._specs.is_being_written(file_name)

    def statistics(self) -> os.statvfs_result:
        """Room on the disk that the state directory is on."""
        return os.statvfs(self.state)

    def watch_links(self, forget: Callable[[Directory, str, Link], None]) -> None:
        """Have it told which links lead elsewhere or nowhere from now on: those with a lifetime may be remembered.

        Args:
            forget: Blocking, in a thread. When it returns, nobody remembers where that link of that directory led.
        """
        self._forget = forget

    def _moved(self, moved: Iterable[EnvironmentName | BuildName]) -> None:
        if forget := self._forget:
            for item in moved:
                for name, link in self.root.links_to(item):
                    forget(self.root, name, link)


def _shared_by(settings: Settings) -> Ownership:
    """Owner and mode of what is written to."""
    settings.specs.mkdir(mode=0o700, parents=True, exist_ok=True)
    if settings.is_shared and not can_keep_owners(settings.specs):
        msg = (
            f"the filesystem of {settings.specs} has no user attributes, so that nobody but root could keep files of "
            "other users apart there: put the state directory on ext4, xfs, btrfs or a newer tmpfs, or run as root"
        )
        raise MachineError(msg)
    sharing = find_sharing(settings)
    if sharing.problem:
        logger.warning("%s", sharing.problem)
    gid = os.getegid() if sharing.gid is None else sharing.gid
    return Ownership(gid=gid, permissions=sharing.permissions)
