"""A mounted tree, from start to end: clear what is dead, mount, answer, unmount."""

import logging
import os
import resource
from pathlib import Path

import pyfuse3
import trio

from condafs.errors import MachineError
from condafs.filesystem.connection import connect
from condafs.filesystem.kernel_cache import KernelCache
from condafs.filesystem.mounting import (
    Mount,
    is_dead,
    mount_at,
    mount_options,
    raise_read_ahead,
    require_device,
    require_free,
    unmount,
    unmount_if_there,
)
from condafs.filesystem.operations import Operations
from condafs.tree.tree import Tree

logger = logging.getLogger(__name__)

ANSWER_SECONDS = 5
"""How long a mount that is in the way may take to show that it lives."""

GRACE_SECONDS = 5
"""How long requests in flight may take when the daemon is to end."""


async def serve(
    tree: Tree,
    mountpoint: Path,
    *,
    allow_other: bool,
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve a tree until cancelled, or until somebody unmounts it. The mount is always gone afterwards.

    Args:
        tree: What is to be seen.
        mountpoint: An empty directory. A dead mount of ours there is cleared away.
        allow_other: Whether other users may look.
        task_status: Told when the tree can be seen.

    Raises:
        MachineError: It cannot be mounted there, or not on this machine.
    """
    mountpoint = Path(os.path.abspath(mountpoint))  # noqa: ASYNC240, PTH100 - a dead mount does not answer, so no resolving
    require_device()
    options = mount_options(allow_other=allow_other)
    await _clear(mountpoint)
    require_free(mountpoint)
    mountpoint = mountpoint.resolve()
    tree.mounted_at(mountpoint)
    _raise_descriptor_limit()
    operations = Operations(tree)
    mount = await connect(operations, mountpoint, options)
    raise_read_ahead(mount)
    cache = KernelCache(operations.inodes)
    try:
        tree.watch_links(cache.forget)
        await _answer(tree, mount, cache, task_status)
    finally:
        cache.close()
        pyfuse3.close(unmount=False)
        unmount_if_there(mount)
        logger.info("unmounted %s", mountpoint)


async def _answer(tree: Tree, mount: Mount, cache: KernelCache, task_status: trio.TaskStatus[None]) -> None:
    session = trio.CancelScope(shield=True)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_end_session_when_cancelled, mount, cache, session)
        with session:
            async with trio.open_nursery() as inner:
                await inner.start(tree.run)
                task_status.started()
                await pyfuse3.main()
                with trio.move_on_after(GRACE_SECONDS):
                    await tree.settled()
                inner.cancel_scope.cancel()
        nursery.cancel_scope.cancel()


async def _end_session_when_cancelled(mount: Mount, cache: KernelCache, session: trio.CancelScope) -> None:
    """First nobody comes in any more, then requests in flight are answered, unless they take too long."""
    try:
        await trio.sleep_forever()
    finally:
        session.deadline = trio.current_time() + GRACE_SECONDS
        with trio.CancelScope(shield=True):
            await trio.to_thread.run_sync(cache.close)
            await trio.to_thread.run_sync(unmount_if_there, mount)
        pyfuse3.terminate()


async def _clear(mountpoint: Path) -> None:
    """Clear dead mounts of ours away.

    Raises:
        MachineError: What is mounted there is alive, or not ours.
    """
    while mount := mount_at(mountpoint):
        if not mount.is_condafs:
            msg = f"{mountpoint} is in use: {mount.source} ({mount.type}) is mounted there"
            raise MachineError(msg)
        dead = False
        with trio.move_on_after(ANSWER_SECONDS):
            dead = await trio.to_thread.run_sync(is_dead, mountpoint, abandon_on_cancel=True)
        if not dead:
            msg = f"{mountpoint} is in use: another condafs serves it"
            raise MachineError(msg)
        logger.info("clearing away the mount that a daemon left at %s", mountpoint)
        await trio.to_thread.run_sync(unmount, mountpoint)


def _raise_descriptor_limit() -> None:
    """Each file that somebody has open below `.specs` or `.logs` takes one descriptor here."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
