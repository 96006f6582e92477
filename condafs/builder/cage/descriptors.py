"""Descriptors that are handed from one process to another, and those that no program of a package's may inherit."""

import array
import os
import socket


def receive(connection: socket.socket, most_bytes: int, most: int) -> tuple[bytes, list[int]]:
    """A message and the descriptors that came with it; none of them survives an execution.

    `socket.recv_fds` takes flags and does not pass them on (CPython 3.11), so what it receives would be inherited.

    Args:
        connection: Of Unix sockets.
        most_bytes: Of the message.
        most: Descriptors.
    """
    space = socket.CMSG_SPACE(most * array.array("i").itemsize)
    message, notes, _, _ = connection.recvmsg(most_bytes, space, socket.MSG_CMSG_CLOEXEC)
    found = array.array("i")
    for level, kind, data in notes:
        if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
            found.frombytes(data[: len(data) - len(data) % found.itemsize])
    return message, list(found)


def close_all_but(*kept: int) -> None:
    """Close every other descriptor of this process, and whatever Python thinks of it."""
    begin = 0
    for end in (*sorted(kept), max(map(int, os.listdir("/proc/self/fd"))) + 1):  # noqa: PTH208 - numbers
        if begin < end:  # CPython 3.11 takes an empty range at 0 for everything
            os.closerange(begin, end)
        begin = end + 1
