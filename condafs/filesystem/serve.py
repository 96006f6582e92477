"""A mounted tree, from start to end: mount or take over, answer, unmount or leave it to who comes next."""

import logging
import os
import resource
from pathlib import Path

import pyfuse3
import trio

from condafs.errors import MachineError
from condafs.filesystem.connection import Connection, Custody, adopt, connect
from condafs.filesystem.kernel_cache import KernelCache
from condafs.filesystem.memory import Memory
from condafs.filesystem.mounting import Mount, find_mount, mount_at, unmount_if_there
from condafs.filesystem.operations import Operations
from condafs.filesystem.recall import recall
from condafs.tree.tree import Tree

logger = logging.getLogger(__name__)

LOOK_SECONDS = 1
"""How long it may go unnoticed that somebody has unmounted it."""

GRACE_SECONDS = 5
"""How long requests in flight may take when the daemon is to end."""


class Mounting:
    """A tree that is to be mounted.

    Args:
        tree: What is to be seen.
        mountpoint: An empty directory. A dead mount of ours there is cleared away.
        allow_other: Whether other users may look.
        custody: Who keeps the mount when this process ends; None: it ends with the process.
        passed: Descriptor of a connection that was passed to this process.
    """

    def __init__(
        self,
        tree: Tree,
        mountpoint: Path,
        *,
        allow_other: bool,
        custody: Custody | None = None,
        passed: int | None = None,
    ) -> None:
        # A dead mount does not answer, so it is not resolved; nor is one that waits for us to answer.
        self._place = Path(os.path.abspath(mountpoint))  # noqa: PTH100
        self._tree = tree
        self._allow_other = allow_other
        self._custody = custody
        self._passed = passed
        self._ledger = custody.ledger if custody else None
        self._operations = Operations(tree, self._ledger or Memory())

    async def recall(self) -> None:
        """Know again what a daemon before us told the kernel. Before anything is done about the files of `.specs`."""
        if self._ledger:
            self._tree.keep_open_files()
            mount = mount_at(self._place) if self._passed is not None else None
            if mount is None or mount.device != self._ledger.device:
                self._ledger.begin_anew(mount.device if mount else "")
            await recall(self._ledger, self._tree, self._operations)

    async def serve(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Serve until cancelled, or until somebody unmounts it. A mount that nobody keeps is gone afterwards.

        Args:
            task_status: Told when the tree can be seen.

        Raises:
            MachineError: It cannot be mounted there, or not on this machine; or somebody unmounted what is kept.
        """
        _raise_descriptor_limit()
        connection = await self._connect()
        self._tree.mounted_at(connection.mount.place)
        cache = KernelCache(self._operations.inodes, connection.forgetter or pyfuse3)
        try:
            self._tree.watch_links(cache.forget)
            await _answer(self._tree, connection, cache, task_status)
        finally:
            cache.close()
            if connection.forgetter:
                connection.forgetter.close(GRACE_SECONDS)
            pyfuse3.close(unmount=False)
            self._leave_word()
            if connection.is_lasting:
                logger.info("%s stays mounted", self._place)
            else:
                unmount_if_there(connection.mount)
                logger.info("unmounted %s", self._place)
        if connection.is_lasting and self._custody:
            await trio.to_thread.run_sync(self._custody.drop)
            msg = f"somebody unmounted {self._place}"
            raise MachineError(msg)

    def _leave_word(self) -> None:
        if self._ledger:
            self._ledger.settle()
            self._ledger.flush()

    async def _connect(self) -> Connection:
        if self._custody and self._passed is not None:
            try:
                return await adopt(self._operations, self._place, self._passed, self._custody)
            except MachineError as error:
                logger.warning("%s is not taken over, it has to be mounted anew: %s", self._place, error)
                # The next mount has numbers of its own, and who had files open has lost them.
                await self._operations.handles.close_all()
                self._operations = Operations(self._tree, self._ledger or Memory())
        return await connect(self._operations, self._place, allow_other=self._allow_other, custody=self._custody)


async def _answer(tree: Tree, connection: Connection, cache: KernelCache, task_status: trio.TaskStatus[None]) -> None:
    session = trio.CancelScope(shield=True)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_end_session_when_cancelled, connection, cache, session)
        with session:
            async with trio.open_nursery() as inner:
                await inner.start(tree.run)
                inner.start_soon(_end_when_unmounted, connection.mount)
                if connection.is_resumed:
                    inner.start_soon(trio.to_thread.run_sync, cache.forget_links)
                task_status.started()
                await pyfuse3.main()
                with trio.move_on_after(GRACE_SECONDS):
                    await tree.settled()
                inner.cancel_scope.cancel()
        nursery.cancel_scope.cancel()


async def _end_session_when_cancelled(connection: Connection, cache: KernelCache, session: trio.CancelScope) -> None:
    """First nobody comes in any more, then requests in flight are answered, unless they take too long.

    Where the mount stays, whoever comes in waits for the next daemon.
    """
    try:
        await trio.sleep_forever()
    finally:
        session.deadline = trio.current_time() + GRACE_SECONDS
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(cache.close)
            if not connection.is_lasting:
                await trio.to_thread.run_sync(unmount_if_there, connection.mount)
        pyfuse3.terminate()


async def _end_when_unmounted(mount: Mount) -> None:
    """Where mounts are private, builders in bubblewrap have copies of this one, and the kernel would not tell."""
    while find_mount(mount):  # noqa: ASYNC110 - see above
        await trio.sleep(LOOK_SECONDS)
    pyfuse3.terminate()


def _raise_descriptor_limit() -> None:
    """Each file that somebody has open below `.specs` or `.logs` takes one descriptor here."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
