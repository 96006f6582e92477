"""From a directory to a mounted pyfuse3: the mount is made by fusermount3, the first words are exchanged here.

pyfuse3 asks the kernel for less than it offers, and has no way to ask for more. So libfuse meets the kernel through
this module: the kernel's FUSE_INIT is handed on over a pair of sockets, libfuse's reply is read, what is missing is
added, and the kernel's descriptor takes the place of the socket that libfuse holds.

What is added is FUSE_CACHE_SYMLINKS (Linux 4.20): the kernel remembers where a symbolic link leads until it is told
to forget. A walk through `/envs/foo/bin` then costs no request at all instead of two.

Source of the layout: linux/fuse.h, struct fuse_in_header, fuse_init_in, fuse_out_header, fuse_init_out; of
_FUSE_COMMFD: libfuse, doc/mount.fuse3.8 and util/fusermount.c. libfuse takes `/dev/fd/N` for a mount point since 3.3.
"""

import logging
import os
import socket
import struct
import subprocess
from pathlib import Path

import pyfuse3
import trio

from condafs.errors import MachineError
from condafs.filesystem.mounting import Mount, fusermount, mount_at, unmount_if_there

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 10
"""How long the kernel, fusermount3 and libfuse may take for their part of the start."""

_INIT = 26
_CACHE_SYMLINKS = 1 << 23
_OPCODE_AT, _OFFERED_AT = 4, 52
_REPLY_HEADER = struct.Struct("<IiQ")
_ACCEPTED_AT = _REPLY_HEADER.size + 12
_MESSAGE_BYTES = 1 << 20


async def connect(operations: pyfuse3.Operations, mountpoint: Path, options: set[str]) -> Mount:
    """Mount, and make pyfuse3 ready to answer: `pyfuse3.main` comes next, `pyfuse3.close(unmount=False)` last.

    Args:
        operations: The handlers.
        mountpoint: An empty directory.
        options: Of mount.fuse3(8).

    Raises:
        MachineError: It cannot be mounted; nothing is mounted then.
    """
    kernel = await trio.to_thread.run_sync(ask_for_mount, mountpoint, options)
    mount = mount_at(mountpoint)
    if mount is None:
        os.close(kernel)
        msg = f"{mountpoint} is mounted where this process cannot see it"
        raise MachineError(msg)
    try:
        await _introduce(operations, kernel)
    except BaseException:
        os.close(kernel)
        unmount_if_there(mount)
        raise
    os.close(kernel)
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


async def _introduce(operations: pyfuse3.Operations, kernel: int) -> None:
    """Let libfuse answer the kernel's FUSE_INIT, and put the kernel's descriptor where libfuse reads."""
    with trio.move_on_after(PATIENCE_SECONDS):
        await trio.lowlevel.wait_readable(kernel)
    trio.lowlevel.notify_closing(kernel)
    os.set_blocking(kernel, False)
    try:
        request = os.read(kernel, _MESSAGE_BYTES)
    except BlockingIOError:
        request = b""
    os.set_blocking(kernel, True)
    if len(request) < _OFFERED_AT + 4 or _number(request, _OPCODE_AT) != _INIT:
        msg = "the kernel does not begin with FUSE_INIT: this kernel is not known to condafs"
        raise MachineError(msg)
    ours, libfuse = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, libfuse:
        ours.send(request)
        try:
            pyfuse3.init(operations, f"/dev/fd/{libfuse.fileno()}", set())
        except RuntimeError as error:
            msg = f"libfuse cannot start: {error}"
            raise MachineError(msg) from error
        session = libfuse.detach()  # pyfuse3.close() closes it from now on
        try:
            reply = accept_symlink_cache(request, await _reply_of_libfuse(ours))
            os.write(kernel, reply)
        except BaseException:
            pyfuse3.close(unmount=False)
            raise
        os.dup2(kernel, session, inheritable=False)


async def _reply_of_libfuse(ours: socket.socket) -> bytes:
    """What libfuse answers; a main loop of its own runs for as long as that takes."""
    reply = b""
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pyfuse3.main, 1, 1)
        with trio.move_on_after(PATIENCE_SECONDS):
            await trio.lowlevel.wait_readable(ours)
            reply = ours.recv(_MESSAGE_BYTES)
        nursery.cancel_scope.cancel()
    return reply


def accept_symlink_cache(request: bytes, reply: bytes) -> bytes:
    """The reply to FUSE_INIT, which accepts the offer to remember symbolic links as well.

    Args:
        request: What the kernel offers.
        reply: What libfuse accepts of it.

    Raises:
        MachineError: libfuse refuses the kernel's version.
    """
    size, error, _ = _REPLY_HEADER.unpack_from(reply) if len(reply) >= _ACCEPTED_AT + 4 else (-1, 0, 0)
    if error or size != len(reply):
        msg = f"libfuse and the kernel do not understand each other (FUSE_INIT: error {-error}, {len(reply)} bytes)"
        raise MachineError(msg)
    if not _number(request, _OFFERED_AT) & _CACHE_SYMLINKS:
        logger.info("this kernel does not remember symbolic links: each walk through a name asks the daemon")
        return reply
    accepted = struct.pack("<I", _number(reply, _ACCEPTED_AT) | _CACHE_SYMLINKS)
    return reply[:_ACCEPTED_AT] + accepted + reply[_ACCEPTED_AT + 4 :]


def _number(message: bytes, at: int) -> int:
    number: int = struct.unpack_from("<I", message, at)[0]
    return number
