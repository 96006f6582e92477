"""Answers to system calls that a filter asks about (seccomp_unotify(2), linux/seccomp.h).

The caller waits meanwhile. When nobody listens any more, its call fails with ENOSYS.
"""

import errno
import fcntl
import struct
from dataclasses import dataclass

_NOTIFICATION = struct.Struct("=QIIiIQ6Q")  # id, pid, flags; nr, architecture, instruction pointer, arguments
_RESPONSE = struct.Struct("=QqiI")  # id, value, -errno, flags
_RECEIVE = 0xC000_2100 | _NOTIFICATION.size << 16
_SEND = 0xC000_2101 | _RESPONSE.size << 16
_IS_VALID = 0x4008_2102
_CONTINUE = 1


@dataclass(frozen=True, slots=True)
class Question:
    """A system call that waits for an answer; `pid` is the thread's that makes it."""

    identity: int
    pid: int
    number: int
    arguments: tuple[int, ...]


class Listener:
    """The other end of one filter.

    Args:
        fd: What `install_filter` returned, in whatever process.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def receive(self) -> Question | None:
        """The next question; None when who asked was killed meanwhile. Blocks unless the descriptor is readable."""
        buffer = bytearray(_NOTIFICATION.size)
        try:
            fcntl.ioctl(self._fd, _RECEIVE, buffer)
        except OSError as error:
            if error.errno in (errno.ENOENT, errno.EINTR):
                return None
            raise
        identity, pid, _, number, _, _, *arguments = _NOTIFICATION.unpack(buffer)
        return Question(identity, pid, number, tuple(arguments))

    def is_waiting(self, question: Question) -> bool:
        """Whether it still waits: only then what was read under its pid meanwhile was its own."""
        try:
            fcntl.ioctl(self._fd, _IS_VALID, struct.pack("=Q", question.identity))
        except OSError:
            return False
        return True

    def let_pass(self, question: Question) -> None:
        """The kernel does what was asked. Nothing that was read of arguments in memory may have decided that."""
        self._send(_RESPONSE.pack(question.identity, 0, 0, _CONTINUE))

    def answer(self, question: Question, error: int = 0) -> None:
        """The call returns 0, or fails with that errno; the kernel does nothing."""
        self._send(_RESPONSE.pack(question.identity, 0, -error, 0))

    def _send(self, response: bytes) -> None:
        try:
            fcntl.ioctl(self._fd, _SEND, response)
        except OSError as error:
            if error.errno != errno.ENOENT:  # killed, or a signal came between: it asks again
                raise
