"""A mounted tree, from start to end: clear what is dead, mount, answer, unmount."""

import logging
import os
import resource
from collections.abc import AsyncIterable
from pathlib import Path

import pyfuse3
import trio

from condafs.errors import MachineError
from condafs.filesystem.encode import encode_name
from condafs.filesystem.mounting import is_dead, mount_at, mount_options, require_device, require_free, unmount
from condafs.filesystem.operations import Operations
from condafs.scheduler.announcements import Announcement
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
    announcements: AsyncIterable[Announcement],
    task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve a tree until cancelled, or until somebody unmounts it. The mount is always gone afterwards.

    Args:
        tree: What is to be seen.
        mountpoint: An empty directory. A dead mount of ours there is cleared away.
        allow_other: Whether other users may look.
        announcements: What ceases to exist, for the kernel to forget.
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
    try:
        pyfuse3.init(operations, str(mountpoint), options)
    except RuntimeError as error:
        msg = f"{mountpoint} cannot be mounted: {error}. {_reason(mountpoint)}"
        raise MachineError(msg) from error
    try:
        await _answer(tree, operations, announcements, task_status)
    finally:
        # libfuse unmounts lazily, so it is gone for everybody even while somebody is inside.
        pyfuse3.close(unmount=True)
        logger.info("unmounted %s", mountpoint)


async def _answer(
    tree: Tree, operations: Operations, announcements: AsyncIterable[Announcement], task_status: trio.TaskStatus[None]
) -> None:
    session = trio.CancelScope(shield=True)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(_end_session_when_cancelled, session)
        with session:
            async with trio.open_nursery() as inner:
                await inner.start(tree.run)
                inner.start_soon(_invalidate, tree, operations, announcements)
                task_status.started()
                await pyfuse3.main()
                with trio.move_on_after(GRACE_SECONDS):
                    await tree.settled()
                inner.cancel_scope.cancel()
        nursery.cancel_scope.cancel()


async def _end_session_when_cancelled(session: trio.CancelScope) -> None:
    """Requests in flight are answered before the session ends, unless they take too long."""
    try:
        await trio.sleep_forever()
    finally:
        session.deadline = trio.current_time() + GRACE_SECONDS
        pyfuse3.terminate()


async def _invalidate(tree: Tree, operations: Operations, announcements: AsyncIterable[Announcement]) -> None:
    """Make the kernel forget names that are gone.

    In a thread, one at a time and outside of any handler: the call waits for the kernel's lock of the directory, which
    a request may hold whose answer waits for the event loop. On the loop that is a deadlock that not even SIGKILL ends.
    """
    async for announcement in announcements:
        vanished = tree.vanished(announcement)
        if vanished is None:
            continue
        inode, name = operations.inodes.peek(vanished[0]), encode_name(vanished[1])
        try:
            await trio.to_thread.run_sync(pyfuse3.invalidate_entry, inode, name)
        except FileNotFoundError:
            pass  # the kernel did not know it
        except OSError as error:
            logger.warning("the kernel may show %r for up to a minute: %s", name, error)


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


def _reason(mountpoint: Path) -> str:
    if os.geteuid() != 0 and not os.access(mountpoint, os.W_OK):
        return "An ordinary user can mount only on a directory that is writable to that user"
    return "fusermount3 has said why above"


def _raise_descriptor_limit() -> None:
    """Each file that somebody has open below `.specs` or `.logs` takes one descriptor here."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
