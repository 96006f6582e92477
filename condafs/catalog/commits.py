"""Group commit: many writes, one transaction, one wait for the disk, off the event loop.

Functions that come while a commit is under way wait and share the next one. Each is all or nothing by itself: one that
raises undoes what it did, and its exception goes to who asked, while the others are committed.
"""

from collections.abc import Callable, Sequence
from typing import Any, Generic, TypeVar

import trio

from condafs.catalog.events import DAEMON, Author
from condafs.catalog.transaction import Transaction
from condafs.names import BuildName, EnvironmentName

T = TypeVar("T")

MAX_BATCH = 64
"""Functions in one transaction. More would not make the disk faster, but keep the last of them, and Python's global
lock, waiting longer: 64 submissions take some 10 ms."""


class Job(Generic[T]):
    """A function to be run in a transaction, and how it went. `author`: who has it run, for the journal."""

    __slots__ = ("author", "error", "function", "is_done", "moved", "result")
    result: T

    def __init__(self, function: Callable[[Transaction], T], author: Author = DAEMON) -> None:
        self.function = function
        self.author = author
        self.error: BaseException | None = None
        self.is_done = False
        self.moved: frozenset[EnvironmentName | BuildName] = frozenset()

    def run(self, transaction: Transaction) -> None:
        """Run it; may happen again when the transaction could not be committed. What it raises is raised."""
        transaction.author = self.author
        self.result = self.function(transaction)
        self.moved = frozenset(transaction.moved)

    def finish(self, error: BaseException | None = None) -> None:
        """It is committed, or will not be."""
        self.error = error
        self.is_done = True

    def unwrap(self) -> T:
        """The result; what went wrong is raised."""
        if self.error:
            raise self.error
        return self.result


class GroupCommit:
    """The queue of writes.

    Args:
        commit: Blocking: runs jobs in one transaction and finishes each.
    """

    def __init__(self, commit: Callable[[Sequence[Job[Any]]], None]) -> None:
        self._commit = commit
        self._waiting: list[Job[Any]] = []
        self._turn = trio.Lock()
        self._limiter = trio.CapacityLimiter(1)  # its own thread: threads stuck in slow file work must not hold it up

    async def settled(self) -> None:
        """What was asked for before now is committed and told; nothing is being committed until the next await."""
        async with self._turn:
            pass

    async def write(self, function: Callable[[Transaction], T], author: Author) -> T:
        """Run a function in a transaction and wait until it is on the disk.

        Not to be cancelled: who asked would not know whether it happened.
        """
        job = Job(function, author)
        self._waiting.append(job)
        with trio.CancelScope(shield=True):
            async with self._turn:  # first come, first served: whose job is not done yet is the first that waits
                if not job.is_done:
                    batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
                    await trio.to_thread.run_sync(self._commit, batch, limiter=self._limiter)
        return job.unwrap()
