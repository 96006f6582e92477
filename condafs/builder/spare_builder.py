"""The builder that waits: idle, with everything imported, so that the next build begins at once."""

import contextlib
from collections.abc import Awaitable, Callable
from typing import Generic, Protocol, TypeVar

import trio


class Idle(Protocol):
    """A builder that was asked nothing yet, or has answered all that it was asked."""

    def is_usable(self) -> bool:
        """Whether it can still be asked for a build."""
        ...

    async def end(self) -> None:
        """End it; nothing of it runs when this returns."""
        ...


BuilderT = TypeVar("BuilderT", bound=Idle)


class SpareBuilder(Generic[BuilderT]):
    """At most one builder that waits.

    Args:
        start: Has another one; OSError when it cannot be started, or reached.

    Attributes:
        waiting: The one that waits now; None when none does.
    """

    def __init__(self, start: Callable[[], Awaitable[BuilderT]]) -> None:
        self._start = start
        self.waiting: BuilderT | None = None

    async def prepare(self) -> None:
        """Have one wait, if none does. When it cannot be started, the next `take` says it."""
        if self.waiting is None:
            with contextlib.suppress(OSError):
                await self.keep(await self._start())

    async def keep(self, builder: BuilderT) -> None:
        """Let a builder wait; it is ended when another one does already."""
        if self.waiting is None:
            self.waiting = builder
        else:
            await _end(builder)

    async def take(self) -> BuilderT:
        """The one that waits, or another one when it cannot be used any more.

        Raises:
            OSError: It cannot be started, or reached.
        """
        if self.waiting and not self.waiting.is_usable():
            await self.aclose()
        waiting, self.waiting = self.waiting, None
        return waiting or await self._start()

    async def aclose(self) -> None:
        """End the one that waits."""
        waiting, self.waiting = self.waiting, None
        if waiting:
            await _end(waiting)


async def _end(builder: Idle) -> None:
    with trio.CancelScope(shield=True):
        await builder.end()
