"""The processes that read for the daemon, and the memory that they and the daemon share.

An answer is a view of that memory: whoever asked hands it on, and when nobody refers to it any more its place is used
for the next. So each byte is copied twice between a file and the kernel's cache of the export, and never in Python.
"""

import errno
import json
import logging
import mmap
import os
import socket
import sys
import weakref
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import TypeAlias

import trio

from condafs.export.index import Index
from condafs.export.worker import CLOSE, HEAD, OPEN, READ, REQUEST

logger = logging.getLogger(__name__)

MAX_READ_BYTES = 1 << 20
"""The most that one request of the kernel asks for."""

MAX_WORKERS = 4

PLACES_A_WORKER = 2
"""One is being filled while the other is handed to the kernel."""

KNOWN_ARCHIVES = 16
"""Archives that a worker keeps open; each takes two mappings and some descriptors."""

IDLE_SECONDS = 2
"""A new one takes 25 ms."""

_LONGEST_ANSWER = 1 << 16

_numbers = count(1)


class Archive:
    """An archive that was laid out: its index, and descriptors of what readers need.

    Args:
        path: The index.
        root: Directory that relative paths in it are relative to.

    Raises:
        OSError: One of them is not there.
        ValueError: The index is of another version, or none.
    """

    def __init__(self, path: Path, root: Path) -> None:
        self.number = next(_numbers)
        self.name = root.name
        self.path = path
        self.root = root
        self.descriptors: tuple[int, ...] = ()
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self.descriptors = (fd,)
        self.index = Index(fd)
        self.descriptors = fd, os.open(root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)

    def __del__(self) -> None:
        for fd in self.descriptors:
            os.close(fd)


@dataclass(frozen=True, slots=True)
class Stretch:
    """Some bytes of an archive."""

    archive: Archive
    offset: int
    size_bytes: int


Part: TypeAlias = bytes | Stretch


@dataclass(slots=True, eq=False)
class _Worker:
    """One process. `known` are the archives that it has open, the least recently used first."""

    process: trio.Process
    line: trio.socket.SocketType
    known: deque[int] = field(default_factory=deque)


class ReaderPool:
    """Reads archives. Processes are started when there is something to read, and ended when there was nothing for long.

    Args:
        most_workers: Processes at a time.
    """

    def __init__(self, most_workers: int = 0) -> None:
        self._most = most_workers or min(MAX_WORKERS, len(os.sched_getaffinity(0)))
        places = self._most * PLACES_A_WORKER
        self._memory_fd = os.memfd_create("condafs-exports", os.MFD_CLOEXEC)
        os.truncate(self._memory_fd, places * MAX_READ_BYTES)
        self._memory = memoryview(mmap.mmap(self._memory_fd, 0))
        self._free_places = [number * MAX_READ_BYTES for number in range(places)]
        self._place_is_free = trio.Event()
        self._turns = trio.Semaphore(self._most)
        self._idle: list[_Worker] = []
        self._last_used = 0.0
        self._used = trio.Event()
        self._wish = trio.Event()
        self._warmed = trio.Event()
        self._warmed.set()

    async def read(self, parts: Sequence[Part]) -> memoryview:
        """Bytes of several parts, one after the other.

        Args:
            parts: MAX_READ_BYTES together at most.

        Returns:
            To be let go of soon: its place is wanted.

        Raises:
            OSError: EIO, when a file is not what it was; a line is logged.
        """
        place = await self._take_place()
        size = sum(len(part) if isinstance(part, bytes) else part.size_bytes for part in parts)
        view = self._memory[place : place + size]
        weakref.finalize(view, self._free, place).atexit = False
        at = place
        for part in parts:
            if isinstance(part, bytes):
                self._memory[at : at + len(part)] = part
                at += len(part)
            elif part.size_bytes:
                await self._fill(part, at)
                at += part.size_bytes
        return view

    def warm_up(self) -> None:
        """Something will be read in a moment: have a process by then."""
        if not self._idle and self._warmed.is_set():
            self._warmed = trio.Event()
            self._wish.set()

    async def run(self) -> None:
        """Start processes ahead, and end those that have nothing to do; all of them when cancelled."""
        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._end_idle)
                while True:
                    await self._wish.wait()
                    await self._warm_up()
        finally:
            with trio.CancelScope(shield=True):
                await self._end_all()

    async def _end_idle(self) -> None:
        while True:
            await self._used.wait()
            self._used = trio.Event()
            end = self._last_used + IDLE_SECONDS
            await trio.sleep_until(end)
            if self._last_used + IDLE_SECONDS > end:
                self._used.set()
            else:
                await self._end_all()

    async def _end_all(self) -> None:
        while self._idle:
            await _end(self._idle.pop())

    async def _warm_up(self) -> None:
        self._wish = trio.Event()
        try:
            async with self._turns:
                if not self._idle:
                    self._put_back(await self._start())
        except OSError as error:
            logger.debug("no reader is started ahead: %s", error)  # who reads will hear
        finally:
            self._warmed.set()

    async def _take_place(self) -> int:
        while not self._free_places:
            await self._place_is_free.wait()
        return self._free_places.pop()

    def _free(self, place: int) -> None:
        self._free_places.append(place)
        self._place_is_free.set()
        self._place_is_free = trio.Event()

    async def _fill(self, stretch: Stretch, place: int) -> None:
        """Have a worker fill a place; one that died meanwhile is replaced once."""
        answer = await self._ask(stretch, place) or await self._ask(stretch, place)
        if not answer:
            raise _failed(stretch.archive, "its reader ended")
        if answer != b"ok":
            number, why, path = json.loads(answer)
            raise _failed(stretch.archive, f"{path}: {why}", number)

    async def _ask(self, stretch: Stretch, place: int) -> bytes:
        """What a worker answers; nothing when it died."""
        if not self._idle:
            await self._warmed.wait()  # one that is on its way is sooner there than another
        async with self._turns:
            worker = self._idle.pop() if self._idle else await self._start()
            answer = b""
            try:
                await self._introduce(worker, stretch.archive)
                archive = stretch.archive.number
                await worker.line.send(REQUEST.pack(READ, archive, stretch.offset, stretch.size_bytes, place))
                answer = await worker.line.recv(_LONGEST_ANSWER)
            except OSError:
                return b""  # the other end is closed
            finally:
                if answer:
                    self._put_back(worker)
                else:
                    with trio.CancelScope(shield=True):
                        await _end(worker)  # what it writes next must not land in somebody else's answer
        return answer

    def _put_back(self, worker: _Worker) -> None:
        self._idle.append(worker)
        self._last_used = trio.current_time()
        self._used.set()

    async def _introduce(self, worker: _Worker, archive: Archive) -> None:
        """Have the worker open an archive that it does not know."""
        if archive.number in worker.known:
            return
        if len(worker.known) == KNOWN_ARCHIVES:
            await worker.line.send(HEAD.pack(CLOSE, worker.known.popleft()))
        # A message of some bytes always finds room. trio has no such call; the copy of the descriptor is soon closed.
        with socket.socket(fileno=os.dup(worker.line.fileno())) as plain:
            socket.send_fds(plain, [HEAD.pack(OPEN, archive.number)], list(archive.descriptors))
        worker.known.append(archive.number)

    async def _start(self) -> _Worker:
        ours, theirs = trio.socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            numbers = [theirs.fileno(), self._memory_fd]
            os.set_blocking(theirs.fileno(), True)
            try:
                process = await trio.lowlevel.open_process(
                    [sys.executable, "-P", "-m", "condafs.export.worker", *map(str, numbers)],
                    pass_fds=numbers,
                    start_new_session=True,  # signals of a terminal are for the daemon, which ends its readers
                )
            except BaseException:
                ours.close()
                raise
        return _Worker(process, ours)


async def _end(worker: _Worker) -> None:
    worker.line.close()
    worker.process.kill()
    await worker.process.wait()


def _failed(archive: Archive, why: str, number: int = errno.EIO) -> OSError:
    logger.warning("%s: an export cannot be read on: %s", archive.name, why)
    return OSError(number, os.strerror(number), archive.name)
