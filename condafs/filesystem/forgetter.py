"""A process that makes the kernel forget, for daemons whose mount outlives them.

To forget, the kernel waits for requests about what is to be forgotten, which the daemon answers. A daemon that is
killed just then, with a connection that somebody keeps, could not even die: its thread waits in the kernel for an
answer that only the next daemon can give, and whoever starts that one waits until the first is gone (seen under load,
once in some twenty kills). So another process waits in its place; it ends when the daemon is gone and its wait is over.

    python -P -I forgetter.py CONNECTION LINKS NAMES

CONNECTION is the kernel's; LINKS and NAMES are sockets that keep messages apart, each served by a thread of its own,
because to forget a name may take until a link is forgotten. A message is what is written to the kernel; the answer is
an errno, 4 bytes.

Source of the layout: linux/fuse.h, struct fuse_out_header, fuse_notify_inval_inode_out, fuse_notify_inval_entry_out.
"""

import contextlib
import logging
import os
import socket
import struct
import subprocess
import sys
import threading
from typing import Literal, Protocol

logger = logging.getLogger(__name__)

_HEADER = struct.Struct("<IiQ")
_INODE, _ENTRY = struct.Struct("<Qqq"), struct.Struct("<QII")
_FORGET_INODE, _FORGET_ENTRY = 2, 3  # FUSE_NOTIFY_INVAL_INODE, FUSE_NOTIFY_INVAL_ENTRY
_ERRNO = struct.Struct("<i")
_MOST_BYTES = 1 << 12


class Teller(Protocol):
    """Tells the kernel. Both wait, and raise OSError: FileNotFoundError when the kernel does not know it."""

    def invalidate_inode(self, inode: int, /) -> None:
        """Attributes and content of an inode are forgotten."""

    def invalidate_entry(self, directory: int, name: bytes, /) -> None:
        """A name is forgotten."""


class Forgetter:
    """The process.

    When it was killed, as the kernel does where memory is short, another takes its place and is asked again: whoever
    asks is answered only when the kernel has forgotten.

    Args:
        connection: The kernel's descriptor; a copy of it is passed on.
    """

    def __init__(self, connection: int) -> None:
        self._connection = os.dup(connection)
        self._replacing = threading.Lock()
        self._is_closed = False
        self._process = _Process(self._connection)
        self._dead: list[_Process] = []

    def invalidate_inode(self, inode: int, /) -> None:
        """See `Teller`."""
        self._ask("links", _message(_FORGET_INODE, _INODE.pack(inode, 0, 0)))

    def invalidate_entry(self, directory: int, name: bytes, /) -> None:
        """See `Teller`."""
        self._ask("names", _message(_FORGET_ENTRY, _ENTRY.pack(directory, len(name), 0) + name + b"\0"))

    def _ask(self, line: Literal["links", "names"], message: bytes) -> None:
        process = self._process
        try:
            process.ask(line, message)
        except ConnectionError:
            self._replace(process)
            self._process.ask(line, message)

    def _replace(self, dead: "_Process") -> None:
        with self._replacing:
            if self._process is dead and not self._is_closed:
                self._process = _Process(self._connection)
                logger.warning("the process that makes the kernel forget was killed; another took its place")
                dead.kill()
                self._dead.append(dead)  # its sockets are closed at the end: the other thread may be waiting there

    def close(self, patience_seconds: float) -> None:
        """End it; after a while it is left to end by itself."""
        with self._replacing:
            self._is_closed = True
        for process in (*self._dead, self._process):
            process.close(patience_seconds)
        os.close(self._connection)


class _Process:
    def __init__(self, connection: int) -> None:
        self._links, links = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._names, names = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        descriptors = [connection, links.fileno(), names.fileno()]
        with links, names:
            self._process = subprocess.Popen(  # noqa: S603 - our own program
                [sys.executable, "-P", "-I", __file__, *map(str, descriptors)],
                pass_fds=descriptors,
                stdin=subprocess.DEVNULL,
                cwd="/",
            )

    def ask(self, line: Literal["links", "names"], message: bytes) -> None:
        _ask(self._links if line == "links" else self._names, message)

    def kill(self) -> None:
        """Who waits for an answer gets none."""
        for line in (self._links, self._names):
            with contextlib.suppress(OSError):  # it is not connected any more
                line.shutdown(socket.SHUT_RDWR)
        self._process.kill()

    def close(self, patience_seconds: float) -> None:
        self._links.close()
        self._names.close()
        try:
            self._process.wait(patience_seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()


def _message(code: int, body: bytes) -> bytes:
    return _HEADER.pack(_HEADER.size + len(body), code, 0) + body


def _ask(line: socket.socket, message: bytes) -> None:
    line.send(message)
    answer = line.recv(_ERRNO.size)
    if len(answer) < _ERRNO.size:
        raise ConnectionResetError
    if number := _ERRNO.unpack(answer)[0]:
        raise OSError(number, os.strerror(number))


def _serve(connection: int, line: socket.socket) -> None:
    while message := _next_message(line):
        number = 0
        try:
            os.write(connection, message)
        except OSError as error:
            number = error.errno or 5
        try:
            line.send(_ERRNO.pack(number))
        except OSError:
            return


def _next_message(line: socket.socket) -> bytes:
    """b"" at the end."""
    try:
        return line.recv(_MOST_BYTES)
    except ConnectionResetError:  # the daemon was killed before it read an answer
        return b""


def main(connection: int, links: int, names: int) -> None:
    """Serve until the daemon is gone."""
    threads = [
        threading.Thread(target=_serve, args=(connection, socket.socket(fileno=number))) for number in (links, names)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
