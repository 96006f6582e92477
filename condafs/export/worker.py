"""A process that reads archives for the daemon, into memory that both share.

A thread in the daemon would do the same, at half the speed: its every system call gives up and takes back Python's
global lock, which the event loop wants as well.

Messages over the socket, one request at a time, numbers little-endian::

    u8 0, u32 archive                                        with two descriptors: its index and its root directory
    u8 1, u32 archive, u64 offset, u32 size, u32 place       read there, and put it at that place of the memory
    u8 2, u32 archive                                        let go

and back, for each read, what went wrong: nothing, or JSON: [errno, why, path].
"""

import json
import mmap
import os
import socket
import struct
import sys
from contextlib import suppress

from condafs.export.index import Index
from condafs.export.reader import Reader

OPEN, READ, CLOSE = range(3)
HEAD = struct.Struct("<BI")
REQUEST = struct.Struct("<BIQII")

NICE = 5
"""The daemon comes first: it has to answer everybody."""

_LONGEST_MESSAGE = 1 << 16


def main(line: int, memory: int) -> None:
    """Answer until the other end is closed.

    Args:
        line: Descriptor of a socket that keeps messages apart.
        memory: Descriptor of the shared memory.
    """
    os.nice(NICE)
    view = memoryview(mmap.mmap(memory, 0))
    archives: dict[int, Reader] = {}
    # A daemon that is killed while it is being answered leaves a connection that is reset, or a broken one.
    with socket.socket(fileno=line) as messages, suppress(ConnectionError):
        while True:
            message, descriptors, _, _ = socket.recv_fds(messages, REQUEST.size, 2, socket.MSG_CMSG_CLOEXEC)
            if not message:
                return
            kind, number = HEAD.unpack_from(message)
            if kind == OPEN:
                archives[number] = Reader(Index(descriptors[0]), descriptors[1])
                os.close(descriptors[0])
            elif kind == CLOSE:
                archives.pop(number).close()
            else:
                _, _, offset, size, place = REQUEST.unpack(message)
                messages.send(_read(archives[number], offset, view[place : place + size]))


def _read(reader: Reader, offset: int, view: memoryview) -> bytes:
    try:
        reader.read_into(view, offset)
    except OSError as error:
        return json.dumps([error.errno, error.strerror, str(error.filename)]).encode()[:_LONGEST_MESSAGE]
    return b"ok"


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
