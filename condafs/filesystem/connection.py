"""How this process comes by a connection to the kernel: it mounts, or it was passed one, fresh or in use.

Source: of _FUSE_COMMFD: libfuse, doc/mount.fuse3.8 and util/fusermount.c.
"""

import logging
import os
import socket
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyfuse3
import trio

from condafs.errors import MachineError
from condafs.filesystem.forgetter import Forgetter
from condafs.filesystem.handshake import PATIENCE_SECONDS, Handshake, introduce
from condafs.filesystem.ledger import Ledger
from condafs.filesystem.mounting import (
    Mount,
    clear_dead_mounts,
    fusermount,
    mount_at,
    mount_options,
    raise_read_ahead,
    require_device,
    require_free,
    unmount_if_there,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Custody:
    """A mount that outlives the process, because whoever started it keeps the connection.

    Attributes:
        keep: Gives a connection into custody. Blocking.
        drop: Takes it back: it cannot be used any more. Blocking.
        ledger: What is to be known of it, for who takes it over; None when nobody is to.
    """

    keep: Callable[[int], None]
    drop: Callable[[], None]
    ledger: Ledger | None = None


@dataclass(frozen=True, slots=True)
class Connection:
    """A mount, and pyfuse3 ready to answer: `pyfuse3.main` comes next, `pyfuse3.close(unmount=False)` last.

    Attributes:
        is_lasting: Whether the mount stays when this process ends.
        is_resumed: Whether the kernel knows it from another process.
        forgetter: Makes the kernel forget where the mount outlives this process, or it may not die.
    """

    mount: Mount
    is_lasting: bool = False
    is_resumed: bool = False
    forgetter: Forgetter | None = None


async def connect(
    operations: pyfuse3.Operations, mountpoint: Path, *, allow_other: bool, custody: Custody | None
) -> Connection:
    """Mount, and make pyfuse3 ready to answer.

    Args:
        operations: The handlers.
        mountpoint: Absolute, an empty directory. A dead mount of ours there is cleared away.
        allow_other: Whether other users may look.
        custody: Who keeps the connection; None: nobody.

    Raises:
        MachineError: It cannot be mounted; nothing is mounted then.
    """
    require_device()
    options = mount_options(allow_other=allow_other)
    await clear_dead_mounts(mountpoint)
    require_free(mountpoint)
    mountpoint = mountpoint.resolve()  # noqa: ASYNC240 - nothing is mounted there now
    kernel = await trio.to_thread.run_sync(ask_for_mount, mountpoint, options)
    mount = mount_at(mountpoint)
    if mount is None:
        os.close(kernel)
        msg = f"{mountpoint} is mounted where this process cannot see it"
        raise MachineError(msg)
    ledger = custody.ledger if custody else None
    try:
        if ledger:
            ledger.begin_anew(mount.device)
        await introduce(operations, kernel, Handshake(), ledger.note_handshake if ledger else _note_nothing)
        forgetter = None
        if custody and ledger:
            await trio.to_thread.run_sync(custody.keep, kernel)
            forgetter = await trio.to_thread.run_sync(Forgetter, kernel)
    except BaseException:
        unmount_if_there(mount)
        raise
    finally:
        os.close(kernel)
    raise_read_ahead(mount)
    return Connection(mount, is_lasting=ledger is not None, forgetter=forgetter)


async def adopt(operations: pyfuse3.Operations, mountpoint: Path, kernel: int, custody: Custody) -> Connection:
    """Make pyfuse3 ready to answer on a connection that was passed to this process, which is closed.

    Nothing here looks at the mount point itself: as long as nobody answers, such a look would hang.

    Raises:
        MachineError: It is not mounted there, was used by a process of which too little is known, or by another
            libfuse. It is not in custody any more.
    """
    ledger = custody.ledger
    try:
        mount = _require(mount_at(mountpoint), mountpoint)
        before = ledger.handshake if ledger else Handshake()
        if before.reply:
            before.require_resumable()
        await introduce(operations, kernel, before, ledger.note_handshake if ledger else _note_nothing)
        forgetter = await trio.to_thread.run_sync(Forgetter, kernel)
    except BaseException:
        await trio.to_thread.run_sync(custody.drop)
        raise
    finally:
        os.close(kernel)
    logger.info("%s is %s", mountpoint, "taken over" if before.reply else "mounted for us")
    return Connection(mount, is_lasting=True, is_resumed=bool(before.reply), forgetter=forgetter)


def _require(mount: Mount | None, mountpoint: Path) -> Mount:
    if mount is None or not mount.is_condafs:
        msg = f"a connection was passed, but {mountpoint} is not mounted"
        raise MachineError(msg)
    return mount


def ask_for_mount(mountpoint: Path, options: set[str]) -> int:
    """The kernel's descriptor of a new mount. Blocking.

    Raises:
        MachineError: What fusermount3 said.
    """
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    with ours, theirs:
        command = [fusermount(), "-o", ",".join(sorted(options)), "--", str(mountpoint)]
        ended = subprocess.run(  # noqa: S603 - a fixed command
            command,
            env={**os.environ, "_FUSE_COMMFD": str(theirs.fileno())},
            pass_fds=[theirs.fileno()],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=PATIENCE_SECONDS,
            check=False,
        )
        theirs.close()
        _, descriptors, _, _ = socket.recv_fds(ours, 1, 1, socket.MSG_CMSG_CLOEXEC)
    if ended.returncode or not descriptors:
        msg = f"{mountpoint} cannot be mounted: {ended.stderr.strip() or 'fusermount3 gives no reason'}"
        raise MachineError(msg)
    return descriptors[0]


def _note_nothing(handshake: Handshake) -> None:
    """Nobody is to go on with it."""
