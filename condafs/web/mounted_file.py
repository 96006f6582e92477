"""Files of the mount that are sent: opened once, read in threads, a piece ahead of what the client takes.

Closing one is a question to the mount, too (FUSE's FLUSH), which a daemon that is stopped does not answer: it is left
to a thread that nobody waits for.
"""

import os
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial

import trio
from starlette.requests import Request
from starlette.responses import Response

from condafs.client.envs import Envs
from condafs.errors import MachineError, NotFoundError
from condafs.web.mount import Mount
from condafs.web.ranges import Part, choose
from condafs.web.streaming import StreamResponse, Write
from condafs.web.streams import Streams

PIECE_BYTES = 1 << 20
"""What is read and sent at a time (measured: 64 KiB is a third as fast, 4 MiB no faster)."""


class MountedFile:
    """An open file of the mount; closed when nobody has it any more, at the latest.

    Args:
        mount: The mount.
        fd: Open file, this object's from now on.
        size_bytes: Of it, or of as much as is to be read.

    Attributes:
        size_bytes: Likewise.
    """

    def __init__(self, mount: Mount, fd: int, size_bytes: int) -> None:
        self._mount = mount
        self._fd = fd
        self.size_bytes = size_bytes
        self._close = weakref.finalize(self, _close_aside, fd)
        self._close.atexit = False

    @classmethod
    async def open(cls, mount: Mount, name: str, patience_seconds: float | None = None) -> "MountedFile":
        """Open a file of the root.

        Args:
            mount: The mount.
            name: Made of a `BuildName`, never of a request's text.
            patience_seconds: An export whose index is not there yet takes seconds.

        Raises:
            NotFoundError: It is not there.
        """
        # What is opened when nobody waits for it any more is dropped by trio, and closes itself.
        return await mount.ask(partial(_open, cls, mount, name), patience_seconds=patience_seconds)

    def close(self) -> None:
        """Let go."""
        self._close()

    async def read(self, offset: int, size_bytes: int, patience_seconds: float | None = None) -> bytes:
        """Some bytes, all of them.

        Raises:
            MachineError: The file is shorter.
        """
        return await self._mount.ask(partial(_read, self._fd, offset, size_bytes), patience_seconds=patience_seconds)

    async def copy(self, write: Write, offset: int, size_bytes: int) -> None:
        """Send a part; the next piece is read while one is sent."""
        sending, receiving = trio.open_memory_channel[bytes](1)
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._read_pieces, sending, offset, offset + size_bytes)
            async with receiving:
                async for piece in receiving:
                    await write(piece)

    async def _read_pieces(self, sending: trio.MemorySendChannel[bytes], offset: int, end: int) -> None:
        async with sending:
            while offset < end:
                piece = await self.read(offset, min(PIECE_BYTES, end - offset))
                await sending.send(piece)
                offset += len(piece)


@dataclass(frozen=True, slots=True)
class Content:
    """What is sent: a file, or a part of one that is a thing of its own.

    Attributes:
        file: Has it.
        begin, size_bytes: Where in the file.
        is_shared: Whether the file stays open when it is sent.
    """

    file: MountedFile
    begin: int
    size_bytes: int
    is_shared: bool = False

    @classmethod
    def whole(cls, file: MountedFile) -> "Content":
        """All of a file, which is closed when it is sent."""
        return cls(file, 0, file.size_bytes)

    def close(self) -> None:
        """It is sent, or not wanted."""
        if not self.is_shared:
            self.file.close()


def serve_content(request: Request, content: Content, streams: Streams, headers: Mapping[str, str]) -> Response:
    """The answer that sends it, or the range of it that the request asks for.

    Args:
        request: The request, GET or HEAD.
        content: Closed when it is sent.
        streams: Counts it.
        headers: Of the answer, with `etag`.
    """
    part = choose(request.headers, content.size_bytes, headers["etag"], request.method)
    shown = {"accept-ranges": "bytes", **headers, **part.headers(content.size_bytes)}
    if request.method == "HEAD" or not part.has_body:
        content.close()
        return Response(status_code=part.status, headers=shown)
    return StreamResponse(partial(_send, content, part, streams), status=part.status, headers=shown)


async def _send(content: Content, part: Part, streams: Streams, write: Write) -> None:
    try:
        async with streams.one():
            await content.file.copy(streams.counting(write), content.begin + part.offset, part.size_bytes)
    finally:
        content.close()


def _open(kind: type[MountedFile], mount: Mount, name: str, envs: Envs) -> MountedFile:
    try:
        fd = os.open(envs.mount / name, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        msg = f"{name} is not there: only published builds can be exported"
        raise NotFoundError(msg) from None
    return kind(mount, fd, os.fstat(fd).st_size)


def _read(fd: int, offset: int, size_bytes: int, envs: Envs) -> bytes:
    del envs
    found = os.pread(fd, size_bytes, offset)
    while len(found) < size_bytes:
        more = os.pread(fd, size_bytes - len(found), offset + len(found))
        if not more:
            msg = f"a file of the mount ends at {offset + len(found)} bytes, before what was to be read of it"
            raise MachineError(msg)
        found += more
    return found


def _close_aside(fd: int) -> None:
    trio.lowlevel.start_thread_soon(partial(os.close, fd), lambda _: None)
