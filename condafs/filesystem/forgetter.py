"""A process that makes the kernel forget, for daemons whose mount outlives them.

To forget, the kernel waits for requests about what is to be forgotten, which the daemon answers. A daemon that is
killed just then, with a connection that somebody keeps, could not even die: its thread waits in the kernel for an
answer that only the next daemon can give, and whoever starts that one waits until the first is gone (seen under load,
once in some twenty kills). So another process waits in its place; it ends when the daemon is gone and its wait is over.

    python -m condafs.filesystem.forgetter CONNECTION LINKS NAMES

CONNECTION is the kernel's; LINKS and NAMES are sockets that keep messages apart, each served by a thread of its own,
because to forget a name may take until a link is forgotten. A message is what is written to the kernel; the answer is
an errno, 4 bytes.

Source of the layout: linux/fuse.h, struct fuse_out_header, fuse_notify_inval_inode_out, fuse_notify_inval_entry_out.
"""

import os
import socket
import struct
import subprocess
import sys
import threading
from typing import Protocol

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

    Args:
        connection: The kernel's descriptor; a copy of it is passed on.
    """

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

    def invalidate_inode(self, inode: int, /) -> None:
        """See `Teller`."""
        _ask(self._links, _message(_FORGET_INODE, _INODE.pack(inode, 0, 0)))

    def invalidate_entry(self, directory: int, name: bytes, /) -> None:
        """See `Teller`."""
        _ask(self._names, _message(_FORGET_ENTRY, _ENTRY.pack(directory, len(name), 0) + name + b"\0"))

    def close(self, patience_seconds: float) -> None:
        """End it; after a while it is left to end by itself."""
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
