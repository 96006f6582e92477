"""What the scheduler asks of who collects garbage (garbage.collector), as a protocol, so that tests can answer."""

import logging
from collections.abc import Awaitable, Callable
from typing import Protocol

import trio

from condafs.names import BuildName

logger = logging.getLogger(__name__)

USED_SECONDS = 5
"""How often processes are looked at again, while they use a build that is to go."""

WANTED_SECONDS = 0.5
"""How often it is looked whether it is wanted again, which takes no time."""


class Room(Protocol):
    """Who makes room on the disk, and knows who uses what would have to go."""

    async def make_room(self, *, is_short: bool) -> None:
        """A build is about to begin: wait until what may go has gone, when the disk is short of room.

        Args:
            is_short: Whether it is known to be; else that is looked at.
        """
        ...

    async def is_used(self, build: BuildName, /) -> bool:
        """Whether a process uses files of a build that no name leads to any more, as far as can be seen from here."""
        ...


class AmpleRoom:
    """There is room, and nobody uses anything."""

    async def make_room(self, *, is_short: bool) -> None:
        """Nothing is to be done."""

    async def is_used(self, build: BuildName) -> bool:  # noqa: ARG002 - as the protocol has it
        """Nobody."""
        return False


async def outlast_users(room: Room, build: BuildName, restore: Callable[[], Awaitable[bool]]) -> bool:
    """Wait while processes use files of a build that is to go.

    Args:
        room: Knows them.
        build: No name leads to it any more.
        restore: Whether it was submitted again meanwhile, and is published as it was.

    Returns:
        Whether it was restored; else nobody uses it, as far as can be seen.
    """
    is_told = False
    while await room.is_used(build):
        if not is_told:
            logger.info("%s: processes use it still; its files go when they have ended", build)
            is_told = True
        until = trio.current_time() + USED_SECONDS
        while trio.current_time() < until:
            if await restore():
                logger.info("%s: submitted again before its files went", build)
                return True
            await trio.sleep(WANTED_SECONDS)
    return False
