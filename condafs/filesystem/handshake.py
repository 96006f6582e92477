"""The first words between the kernel and libfuse, FUSE_INIT: handed on, added to, and repeated after a takeover.

pyfuse3 asks the kernel for less than it offers, and has no way to ask for more. So libfuse meets the kernel through
this module: the kernel's FUSE_INIT is handed on over a pair of sockets, libfuse's reply is read, what is missing is
added, and the kernel's descriptor takes the place of the socket that libfuse holds. What is added:

- FUSE_CACHE_SYMLINKS (Linux 4.20): the kernel remembers where a symbolic link leads until it is told to forget. A walk
  through `/envs/foo/bin` then costs no request at all instead of two.
- FUSE_PARALLEL_DIROPS (Linux 4.7): who looks a name up does not wait for who looks up another in that directory.

The kernel says FUSE_INIT once in the life of a mount. A daemon that takes a mount over repeats it to its libfuse, whose
reply has to be what the kernel was told: if it is not, another version of libfuse or pyfuse3 talks, and the mount is
not taken over. Requests that the dead daemon had read come again on FUSE_NOTIFY_RESEND (Linux 6.9); on an older kernel
they would never be answered, so nothing is taken over there.

Source of the layout: linux/fuse.h, struct fuse_in_header, fuse_init_in, fuse_out_header, fuse_init_out. libfuse takes
`/dev/fd/N` for a mount point since 3.3.
"""

import errno
import logging
import os
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass

import pyfuse3
import trio

from condafs.errors import MachineError

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 10
"""How long fusermount3 and libfuse may take for their part of the start."""

KERNEL_SECONDS = 1
"""How long the kernel may take for FUSE_INIT. It is there when mount(2) returns; a connection in use never has it."""

_INIT = 26
_CACHE_SYMLINKS, _PARALLEL_DIROPS = 1 << 23, 1 << 18
_HAS_RESEND = 1 << 7  # bit 39 of the flags, in flags2
_NOTIFY_RESEND = 7
_OPCODE_AT, _OFFERED_AT, _OFFERED_2_AT = 4, 52, 56
_REPLY_HEADER = struct.Struct("<IiQ")
_ACCEPTED_AT = _REPLY_HEADER.size + 12
_MESSAGE_BYTES = 2 << 20  # room for the largest request, or the kernel refuses to be read


@dataclass(frozen=True, slots=True)
class Handshake:
    """The first words of a connection: the kernel's FUSE_INIT, and what it was answered. Empty: not said yet."""

    request: bytes = b""
    reply: bytes = b""

    def require_resumable(self) -> None:
        """MachineError when this kernel does not send again what a process has read that is gone."""
        size = len(self.request)
        if size < _OFFERED_2_AT + 4 or not _number(self.request, _OFFERED_2_AT) & _HAS_RESEND:
            msg = "this kernel does not send again what a dead daemon has read (Linux 6.9 does)"
            raise MachineError(msg)


async def introduce(
    operations: pyfuse3.Operations, kernel: int, before: Handshake, note: Callable[[Handshake], None]
) -> None:
    """Let libfuse answer the kernel's FUSE_INIT, and put the kernel's descriptor where libfuse reads.

    Args:
        operations: The handlers.
        kernel: Descriptor of the connection; a copy of it is used.
        before: What was said by a process that is gone.
        note: Told of each step before it is taken.

    Raises:
        MachineError: The kernel, libfuse and what was said before do not fit together.
    """
    request = before.request or await _request_of_kernel(kernel)
    note(Handshake(request, before.reply))
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
            reply = accept_more(request, await _reply_of_libfuse(ours))
            _require_equal(before.reply, reply)
            note(Handshake(request, reply))
            _answer(kernel, reply)
        except BaseException:
            pyfuse3.close(unmount=False)
            raise
        os.dup2(kernel, session, inheritable=False)
    if before.reply:
        _ask_for_what_was_read(session)


def _ask_for_what_was_read(session: int) -> None:
    try:
        os.write(session, _REPLY_HEADER.pack(_REPLY_HEADER.size, _NOTIFY_RESEND, 0))
    except OSError as error:
        pyfuse3.close(unmount=False)
        msg = f"the kernel does not send again what a dead daemon has read: {error.strerror}"
        raise MachineError(msg) from None


async def _request_of_kernel(kernel: int) -> bytes:
    with trio.move_on_after(KERNEL_SECONDS):
        await trio.lowlevel.wait_readable(kernel)
    trio.lowlevel.notify_closing(kernel)
    os.set_blocking(kernel, False)
    try:
        request = os.read(kernel, _MESSAGE_BYTES)
    except OSError:  # nothing is there, or it is not mounted any more
        request = b""
    os.set_blocking(kernel, True)
    if len(request) < _OFFERED_AT + 4 or _number(request, _OPCODE_AT) != _INIT:
        msg = "there is no FUSE_INIT of the kernel: the connection is in use, or this kernel is not known to condafs"
        raise MachineError(msg)
    return request


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


def _require_equal(before: bytes, now: bytes) -> None:
    if before and before != now:
        msg = "libfuse wants other things of the kernel than it did when this was mounted: it was updated meanwhile"
        raise MachineError(msg)


def _answer(kernel: int, reply: bytes) -> None:
    try:
        os.write(kernel, reply)
    except OSError as error:
        if error.errno != errno.ENOENT:  # it has an answer already
            raise


def accept_more(request: bytes, reply: bytes) -> bytes:
    """The reply to FUSE_INIT, which accepts more of what the kernel offers than libfuse does.

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
    offered = _number(request, _OFFERED_AT)
    if not offered & _CACHE_SYMLINKS:
        logger.info("this kernel does not remember symbolic links: each walk through a name asks the daemon")
    more = offered & (_CACHE_SYMLINKS | _PARALLEL_DIROPS)
    accepted = struct.pack("<I", _number(reply, _ACCEPTED_AT) | more)
    return reply[:_ACCEPTED_AT] + accepted + reply[_ACCEPTED_AT + 4 :]


def _number(message: bytes, at: int) -> int:
    number: int = struct.unpack_from("<I", message, at)[0]
    return number
