"""What ceases to be, told to whoever remembers it: the filesystem makes the kernel forget these names.

Publishing never blocks and happens after the commit. Every listener gets everything from the moment it begins to
iterate; nothing is kept for those that come later, because whoever starts anew remembers nothing.
"""

import math
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import TypeAlias

import trio

from condafs.names import BuildName, EnvironmentName


@dataclass(frozen=True, slots=True)
class NameGone:
    """`/envs/<name>` is no longer there: the environment was retired."""

    name: EnvironmentName


@dataclass(frozen=True, slots=True)
class BuildGone:
    """A build is no longer visible: it is being deleted."""

    build: BuildName


@dataclass(frozen=True, slots=True)
class RefusalGone:
    """`<file>.error` is no longer there: the file was accepted, or is gone."""

    file_name: str


Announcement: TypeAlias = NameGone | BuildGone | RefusalGone


class Announcements:
    """Publish and listen; within one event loop."""

    def __init__(self) -> None:
        self._listeners: set[trio.MemorySendChannel[Announcement]] = set()

    def publish(self, announcement: Announcement) -> None:
        """Tell all who listen."""
        for listener in self._listeners:
            listener.send_nowait(announcement)

    async def __aiter__(self) -> AsyncIterator[Announcement]:
        """Listen, until cancelled."""
        send, receive = trio.open_memory_channel[Announcement](math.inf)
        self._listeners.add(send)
        try:
            async for announcement in receive:
                yield announcement
        finally:
            self._listeners.discard(send)
