"""A change of names is made once, also when the kernel asks for it twice.

A daemon that was killed may have made a change without having said so; whoever takes the mount over is asked for it
again, finds nothing left to remove or something in the way, and answers as it would have been answered. Where the same
could be done once more to something else (`rm foo@-1`, or `rm` of a build that the first one cancelled), it tells by
what the name means: that is another thing only when the change was made. Nobody else changes a name meanwhile, for the
kernel holds the directory's lock; unless who asked was killed while no daemon was there, and then nobody hears.
"""

import errno
from collections.abc import Awaitable, Callable
from typing import TypeVar

from condafs.errors import NotFoundError
from condafs.filesystem.memory import Memory
from condafs.tree.node import Directory, File, Handle, Node, Opened, refuse

T = TypeVar("T")
SortT = TypeVar("SortT", bound=Node)


class Once:
    """Makes changes of names.

    Args:
        memory: Told of each before it is made; knows which were begun by another process.
    """

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def make(
        self,
        change: Callable[[], Awaitable[T]],
        answer: Callable[[], Awaitable[T]],
        *request: object,
        meaning: str = "",
    ) -> T:
        """Make a change.

        Args:
            change: Makes it.
            answer: What to answer when another process has made it already.
            request: What tells it from others.
            meaning: What the name means that is to change.
        """
        before = self._memory.begin(*request, meaning=meaning)
        began = meaning if before is None else before
        try:
            made = await answer() if began != meaning else await self._try(change, answer, was_begun=before is not None)
        except Exception:  # who is refused is answered, too; who is cancelled asks again
            self._memory.end(*request, meaning=began)
            raise
        self._memory.end(*request, meaning=began)
        return made

    @staticmethod
    async def _try(change: Callable[[], Awaitable[T]], answer: Callable[[], Awaitable[T]], *, was_begun: bool) -> T:
        try:
            return await change()
        except (OSError, NotFoundError) as error:
            number = error.errno if isinstance(error, OSError) else errno.ENOENT
            if not was_begun or number not in {errno.ENOENT, errno.EEXIST}:
                raise
            return await answer()


async def nothing() -> None:
    """There is nothing to say of what was removed or moved."""


async def found(directory: Directory, name: str, sort: type[SortT]) -> SortT:
    """What was made."""
    node = await directory.child(name)
    return node if isinstance(node, sort) else refuse(errno.EEXIST, name)


async def open_found(directory: Directory, name: str, flags: int) -> tuple[File, Handle]:
    """What was made, opened."""
    file = await found(directory, name, File)
    handle = await file.reopen(Opened(flags))
    handle.go_on()
    return file, handle
