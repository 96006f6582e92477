"""What happens, as it happens: the catalog's journal and growing logs, looked at once for all who follow.

Nothing tells other processes what the daemon commits or its builders write, so both are looked at again and again: the
catalog ten times a second (a microsecond each), a log five times, while anybody follows it. Two hundred followers of
one log cost the mount what one does.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import asdict
from typing import Any

import trio

from condafs.catalog.records import ACTIVE_STATES
from condafs.catalog.store import Catalog
from condafs.client.envs import Envs
from condafs.errors import CatalogError, CondafsError
from condafs.names import BuildName
from condafs.web.mount import Mount

JOURNAL_SECONDS = 0.1
LOG_SECONDS = 0.2

WINDOW_BYTES = 1 << 18
"""The end of a followed log that is kept in memory, for those who are there already."""

READ_BYTES = 1 << 20


class Bell:
    """Wakes everybody who waits, again and again.

    Attributes:
        event: The next time; taken before looking at what it tells of, it misses nothing.
    """

    def __init__(self) -> None:
        self.event = trio.Event()

    def ring(self) -> None:
        """Wake those who wait now."""
        self.event.set()
        self.event = trio.Event()


class Tail:
    """The end of a log that somebody follows.

    Attributes:
        build: Whose log.
        bell: Rings at every change.
        start, end: Offsets of what is in memory.
        has_ended: Whether nothing will be added.
        progress: What the builder says it does, as in `.status`.
    """

    def __init__(self, build: BuildName) -> None:
        self.build = build
        self.bell = Bell()
        self.start = self.end = 0
        self.has_ended = False
        self.progress: Mapping[str, Any] = {}
        self.followers = 0
        self._window = bytearray()

    def begin(self, offset: int) -> None:
        """Where what will be added begins."""
        self.start = self.end = offset

    def add(self, content: bytes) -> None:
        """More of the log."""
        self._window += content
        self.end += len(content)
        if len(self._window) > 2 * WINDOW_BYTES:
            del self._window[:-WINDOW_BYTES]
            self.start = self.end - len(self._window)

    def after(self, offset: int) -> bytes:
        """What is in memory from an offset on."""
        return bytes(self._window[offset - self.start :])


class Follower:
    """Looks, and tells who waits.

    Args:
        catalog: Has the journal.
        mount: Has the logs.
        nursery: The looking goes on in it.

    Attributes:
        news: Rings when something was committed; only while `watching`.
    """

    def __init__(self, catalog: Catalog, mount: Mount, nursery: trio.Nursery) -> None:
        self._catalog = catalog
        self._mount = mount
        self._nursery = nursery
        self._tails: dict[BuildName, Tail] = {}
        self._watchers = 0
        self._is_watched = False
        self.news = Bell()

    @contextmanager
    def watching(self) -> Iterator[Bell]:
        """Have the catalog watched."""
        if not self._is_watched:
            # Seen from here on, not from when the task has its first turn.
            self._nursery.start_soon(self._watch, self._version())
            self._is_watched = True
        self._watchers += 1
        try:
            yield self.news
        finally:
            self._watchers -= 1

    async def _watch(self, seen: int) -> None:
        while self._watchers:
            await trio.sleep(JOURNAL_SECONDS)
            with suppress(CatalogError):  # who asks it for more hears of that; this goes on looking
                if (version := self._version()) != seen:
                    seen = version
                    self.news.ring()
        self._is_watched = False

    def _version(self) -> int:
        with self._catalog.snapshot() as snapshot:
            return snapshot.version

    @contextmanager
    def following(self, build: BuildName) -> Iterator[Tail]:
        """Have a log watched."""
        tail = self._tails.get(build)
        if tail is None:
            tail = self._tails[build] = Tail(build)
            self._nursery.start_soon(self._read, tail)
        tail.followers += 1
        try:
            yield tail
        finally:
            tail.followers -= 1
            if not tail.followers:
                self._forget(tail)

    def _forget(self, tail: Tail) -> None:
        if self._tails.get(tail.build) is tail:
            del self._tails[tail.build]

    async def _read(self, tail: Tail) -> None:
        """Look at a log until it ends, or nobody follows it. A daemon that is away is waited for."""
        has_begun = False
        while tail.followers and not tail.has_ended:
            try:
                if not has_begun:
                    tail.begin(max(0, await self._mount.ask(_size, tail.build) - WINDOW_BYTES))
                    has_begun = True
                is_more = await self._look(tail)
            except CondafsError:
                is_more = False
            if not (is_more or tail.has_ended):
                await trio.sleep(LOG_SECONDS)
        self._forget(tail)

    async def _look(self, tail: Tail) -> bool:
        """Take what was added; whether there is more already."""
        is_active = self.is_active(tail.build)  # before reading: what is written at the end is not lost
        content = await self._mount.ask(read_log, tail.build, tail.end, READ_BYTES)
        progress = await self._mount.ask(_progress, tail.build)
        if content or progress != tail.progress:
            tail.add(content)
            tail.progress = progress
            tail.bell.ring()
        if not content and not is_active:
            tail.has_ended = True
            tail.bell.ring()
        return len(content) == READ_BYTES

    def is_active(self, build: BuildName) -> bool:
        """Whether the log of a build may still grow."""
        with self._catalog.snapshot() as snapshot:
            record = snapshot.build(build.digest)
        return record is not None and record.state in ACTIVE_STATES


def read_log(envs: Envs, build: BuildName, offset: int, size_bytes: int) -> bytes:
    """A part of a log; b"" at its end, and of one that is not there."""
    try:
        with envs.log(build).open("rb", buffering=0) as file:
            file.seek(offset)
            return file.read(size_bytes)
    except FileNotFoundError:
        return b""


def _size(envs: Envs, build: BuildName) -> int:
    try:
        return envs.log(build).stat().st_size
    except FileNotFoundError:
        return 0


def _progress(envs: Envs, build: BuildName) -> Mapping[str, Any]:
    status = envs.find_status(build.name.text)
    building = status.building if status else None
    if building is None or building.digest != build.digest.hex:
        return {}
    return {key: value for key, value in asdict(building).items() if value not in ("", 0)}
