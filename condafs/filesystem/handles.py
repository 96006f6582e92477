"""Open files and directories by number; those of a killed daemon are opened again.

A file that was opened may be one that the kernel never heard of: the daemon was killed before it answered, the request
comes again and gets another number, and nobody ever closes the first. Such a one must not count as a writer, or its
file would never be submitted; so each rests until the kernel uses it. One that was written to was used.
"""

import errno
import logging
from collections.abc import Mapping
from typing import TypeVar

import trio

from condafs.errors import CondafsError
from condafs.filesystem.inodes import Inodes
from condafs.filesystem.listing import Listing
from condafs.tree.node import Directory, File, Handle, Node, Opened, refuse

logger = logging.getLogger(__name__)

SortT = TypeVar("SortT", bound=Node)


class Handles:
    """What the kernel has open.

    Args:
        inodes: Numbers of the nodes.
    """

    def __init__(self, inodes: Inodes) -> None:
        self._inodes = inodes
        self._files: dict[int, Handle] = {}
        self._resting: dict[int, Handle] = {}
        self._listings: dict[int, Listing] = {}
        self._lost_files: dict[int, tuple[int, Opened]] = {}
        self._lost_listings: dict[int, int] = {}
        self._reopening = trio.Lock()
        self._last = 0

    async def recall(self, opened: Mapping[int, tuple[int, Opened]], listings: Mapping[int, int], last: int) -> None:
        """Take over what another process had open; the inodes are recalled already. `last`: its highest number."""
        self._lost_files, self._lost_listings = dict(opened), dict(listings)
        self._last = last
        for number, (_, how) in opened.items():
            try:
                self._resting[number] = await self._reopen(number)
            except (OSError, CondafsError) as error:
                logger.info("a file that was open cannot be opened again: %s", error)
            else:
                if how.has_written:
                    self._wake(number)

    def open_file(self, handle: Handle) -> int:
        """Number an open file."""
        self._last += 1
        self._files[self._last] = handle
        return self._last

    def open_listing(self, directory: Directory) -> int:
        """Number an open directory."""
        self._last += 1
        self._listings[self._last] = Listing(directory, self._inodes)
        return self._last

    async def file(self, number: int) -> Handle:
        """An open file; ESTALE when it was open in a process that is gone, and cannot be opened again."""
        handle = self._files.get(number)
        if handle is not None:
            return handle
        async with self._reopening:
            if number not in self._files:
                if number not in self._resting:
                    self._resting[number] = await self._reopen(number)
                self._wake(number)
        return self._files[number]

    async def _reopen(self, number: int) -> Handle:
        inode, how = self._lost_files.get(number) or refuse(errno.ESTALE)
        handle = await _require(self._inodes.find(inode), File).reopen(how)
        del self._lost_files[number]
        return handle

    def _wake(self, number: int) -> None:
        self._files[number] = self._resting.pop(number)
        self._files[number].go_on()

    def listing(self, number: int) -> Listing:
        """An open directory; ESTALE likewise."""
        listing = self._listings.get(number)
        if listing is None:
            directory = _require(self._inodes.find(self._lost_listings.pop(number, 0)), Directory)
            listing = self._listings[number] = Listing(directory, self._inodes)
        return listing

    async def close_file(self, number: int) -> None:
        """The kernel has closed it."""
        self._lost_files.pop(number, None)
        handle = self._files.pop(number, None) or self._resting.pop(number, None)
        if handle is not None:
            await handle.release()

    async def close_all(self) -> None:
        """The mount is gone, and nobody has anything open."""
        for number in [*self._lost_files, *self._resting, *self._files]:
            await self.close_file(number)
        self._lost_listings.clear()
        self._listings.clear()

    def close_listing(self, number: int) -> None:
        """Likewise."""
        self._lost_listings.pop(number, None)
        self._listings.pop(number, None)


def _require(node: Node | None, sort: type[SortT]) -> SortT:
    return node if isinstance(node, sort) else refuse(errno.ESTALE)
