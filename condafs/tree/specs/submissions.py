"""The work that follows a write: check, submit, retry; in the background, and in order for each file.

A release must not wait: the kernel does not, and a thousand of them at once would keep everybody else waiting for a
free handler. So files are handed over by name, the newest content is read when its turn comes, made durable, and
submitted. Who removes or renames a file takes the same lock, so that steps about one name never overlap.

Who put a file into place is remembered with its name until it is submitted, and belongs to the newest content as well.
Of who wrote into it, a release does not tell: its owner counts.
"""

import hashlib
import logging
import math
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeAlias

import trio

from condafs.catalog.events import Author
from condafs.errors import CondafsError, DiskFullError, SpecificationError, UserError
from condafs.names import EnvironmentName
from condafs.tree.sources import Catalog, Intake
from condafs.tree.specs.backing import is_blank
from condafs.tree.specs.removals import Removals

logger = logging.getLogger(__name__)

AT_A_TIME = 16
"""Files made durable at a time: an ext4 journal commits many of them at once (measured: 16 times the files a second
of one at a time)."""

INLINE_BYTES = 2048
"""Files up to this size are checked on the event loop: half a millisecond, which two changes of thread take as well."""

Work: TypeAlias = Callable[[str], Awaitable[None]]
"""What is to be done about a file of that name."""

FULL_SECONDS = 5
"""How long what cannot be remembered waits for room on a full disk before it tries again."""

PATIENCE_SECONDS = 5
"""How long a reader of `.status` waits for submissions before it is told what is known so far."""


@dataclass(frozen=True, slots=True)
class Written:
    """The content of a file, on disk."""

    content: bytes
    mtime_ns: int
    uid: int


class Files(Protocol):
    """The files at the top of `.specs`."""

    def is_being_written(self, name: str, /) -> bool:
        """Whether a writing handle of that file is open."""
        ...

    def exists(self, name: str, /) -> bool:
        """Whether there is a file of that name."""
        ...

    def read(self, name: str, /) -> Written | None:
        """Blocking: make it durable and read it; None when it is gone."""
        ...


class Submissions:
    """Hands files on to the intake.

    Args:
        intake, catalog: The rest of the house.
        files: What is to be submitted.
        forget: Blocking: nobody remembers where that environment leads when it returns.

    Attributes:
        removals: Files that were removed a moment ago.
    """

    def __init__(
        self, intake: Intake, catalog: Catalog, files: Files, forget: Callable[[EnvironmentName], None]
    ) -> None:
        self._intake = intake
        self._catalog = catalog
        self._files = files
        self._forget = forget
        self.removals = Removals()
        self._authors: dict[str, Author] = {}
        self._pending: dict[int, tuple[str, trio.Event]] = {}
        self._serial = 0
        self._locks: dict[str, trio.Lock] = {}
        self._limiter = trio.CapacityLimiter(AT_A_TIME)
        self._send, self._receive = trio.open_memory_channel[tuple[int, str, Work]](math.inf)

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Work until cancelled."""
        async with trio.open_nursery() as nursery:
            task_status.started()
            async for number, name, work in self._receive:
                nursery.start_soon(self._carry_out, number, name, work)

    async def check(self, name: str, content: bytes, uid: int) -> None:
        """Raise UserError when that content of that owner cannot stand under that name."""
        await self.removals.decided(but=name)  # a file that was renamed in two steps claims its environment no more
        await self._intake.know(uid)
        if not self._intake.limits_of(uid).is_none:
            await self._others_settled(name)  # what she closed before counts
        if len(content) <= INLINE_BYTES:
            self._intake.check(name, content, uid)
        else:
            await trio.to_thread.run_sync(self._intake.check, name, content, uid)

    async def check_retry(self, name: str, uid: int) -> None:
        """Raise QuotaError when touching that file of that owner would be refused."""
        await self._intake.know(uid)
        self._intake.check_retry(name)

    async def give(self, name: str, uid: int) -> None:
        """A file has another owner: so has its environment when this returns."""
        async with self.locked(name):
            await self._intake.give(name, uid)

    def submit_soon(self, name: str, author: Author | None = None) -> None:
        """The content of a file changed. `author`: who put it into place, when that is more than its owner."""
        self._authors.pop(name, None)
        if author:
            self._authors[name] = author
        self._enqueue(name, self._submit)

    def refused_soon(self, name: str, author: Author) -> None:
        """A file was not let into place under that name."""
        self._enqueue(name, lambda refused: self._intake.note_refusal(refused, author))

    def retry_soon(self, name: str) -> None:
        """A file was touched."""
        self._enqueue(name, self._retry)

    async def settled(self, *names: str, patience_seconds: float = PATIENCE_SECONDS) -> None:
        """What was handed over before now is carried out, of these names or of all; gives up after a while."""
        await self._wait_for(lambda name: not names or name in names, patience_seconds)

    async def _others_settled(self, but: str) -> None:
        """As `settled`, of all but one name, which whoever waits may have locked."""
        await self._wait_for(lambda name: name != but, PATIENCE_SECONDS)

    async def _wait_for(self, is_meant: Callable[[str], bool], patience_seconds: float) -> None:
        if not self._pending:
            return
        with trio.move_on_after(patience_seconds):
            for name, event in tuple(self._pending.values()):
                if is_meant(name):
                    await event.wait()

    async def retire_soon(self, name: str, author: Author, owner_uid: int) -> None:
        """A file is gone. Unless it comes back in a moment, its environment is retired; who asks for it waits.

        Until that is decided, nobody but who removed it and its owner can bring it back.
        """
        self.removals.begin(name, author.uid, owner_uid)
        self._enqueue(name, partial(self._retire, author=author))
        with self._catalog.snapshot() as snapshot:
            record = snapshot.file(name)
        if record and record.name:
            await trio.to_thread.run_sync(self._forget, record.name)

    async def rename(self, old: str, new: str, author: Author) -> None:
        """A file has another name. Called with both locked."""
        written = None if self._files.is_being_written(new) else await trio.to_thread.run_sync(self._files.read, new)
        if written is None or is_blank(written.content):
            await self._intake.retire(old, author)
            return
        try:
            await self._intake.rename(old, new, written.content, written.mtime_ns, written.uid, author)
        except SpecificationError as error:  # the file moved all the same, and says so in its message
            logger.debug("%r is refused: %s", new, error)

    @asynccontextmanager
    async def locked(self, *names: str) -> AsyncIterator[None]:
        """Nothing is submitted under these names meanwhile."""
        async with self._lock(sorted(set(names))):
            yield

    @asynccontextmanager
    async def _lock(self, names: list[str]) -> AsyncIterator[None]:
        if not names:
            yield
            return
        lock = self._locks.setdefault(names[0], trio.Lock())
        try:
            async with lock, self._lock(names[1:]):
                yield
        finally:
            if not lock.locked() and self._locks.get(names[0]) is lock:
                del self._locks[names[0]]

    def _enqueue(self, name: str, work: Work) -> None:
        self._serial += 1
        self._pending[self._serial] = name, trio.Event()
        self._send.send_nowait((self._serial, name, work))

    async def _carry_out(self, number: int, name: str, work: Work) -> None:
        while not await self._has_room(number, name, work):  # noqa: ASYNC110 - a disk does not tell when it has room
            await trio.sleep(FULL_SECONDS)

    async def _has_room(self, number: int, name: str, work: Work) -> bool:
        """Carry it out. False when the disk is full: its writer was told that all is well, so it has to be done yet."""
        try:
            await work(name)
        except DiskFullError as error:
            logger.warning("%r is taken when there is room: %s", name, error)
            return False
        except UserError as error:
            logger.debug("%r is refused: %s", name, error)  # the intake has said so
        except (CondafsError, OSError) as error:
            logger.warning("%r is not taken: %s; touch it to try again", name, error)
        except Exception:
            # What is wrong with one file must not end the mount for everybody: this is the handler of a request
            # whose answer the kernel did not wait for.
            logger.exception("%r is not taken; touch it to try again", name)
        finally:
            if pending := self._pending.pop(number, None):
                pending[1].set()
        return True

    async def _submit(self, name: str, *, is_retry: bool = False) -> None:
        await self.removals.decided(but=name)
        async with self.locked(name), self._limiter:
            if self._files.is_being_written(name):
                return  # its last release hands it over again
            named = self._authors.pop(name, None)
            written = await trio.to_thread.run_sync(self._files.read, name)
            if written is None or is_blank(written.content):
                return
            author = named or Author(written.uid)
            try:
                if is_retry and self._is_taken(name, written.content):
                    await self._intake.retry(name, author, written.mtime_ns)
                else:
                    await self._intake.submit(name, written.content, written.mtime_ns, written.uid, author)
            except DiskFullError:
                if named:
                    self._authors.setdefault(name, named)
                raise

    async def _retry(self, name: str) -> None:
        await self._submit(name, is_retry=True)

    async def _retire(self, name: str, author: Author) -> None:
        if name in self.removals:
            await self.removals.finish(name, partial(self._retire_now, name, author))
        else:  # it was decided, and could not be remembered
            await self._retire_now(name, author)

    async def _retire_now(self, name: str, author: Author) -> None:
        async with self.locked(name):
            if not self._files.exists(name):
                await self._intake.retire(name, author)

    def _is_taken(self, name: str, content: bytes) -> bool:
        """Whether that content was accepted before: touching what was refused submits it again."""
        with self._catalog.snapshot() as snapshot:
            record = snapshot.file(name)
        return (
            record is not None and not record.refusal and record.content_sha256 == hashlib.sha256(content).hexdigest()
        )
