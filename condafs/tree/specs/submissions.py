"""The work that follows a write: check, submit, retry; in the background, and in order for each file.

A release must not wait: the kernel does not, and a thousand of them at once would keep everybody else waiting for a
free handler. So files are handed over by name, the newest content is read when its turn comes, made durable, and
submitted. Who removes or renames a file takes the same lock, so that steps about one name never overlap.
"""

import hashlib
import logging
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

import trio

from condafs.errors import CondafsError, SpecificationError, UserError
from condafs.tree.sources import Catalog, Intake

logger = logging.getLogger(__name__)

AT_A_TIME = 16
"""Files made durable at a time: an ext4 journal commits many of them at once (measured: 16 times the files a second
of one at a time)."""

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

    def read(self, name: str, /) -> Written | None:
        """Blocking: make it durable and read it; None when it is gone."""
        ...


class Submissions:
    """Hands files on to the intake.

    Args:
        intake, catalog: The rest of the house.
        files: What is to be submitted.
    """

    def __init__(self, intake: Intake, catalog: Catalog, files: Files) -> None:
        self._intake = intake
        self._catalog = catalog
        self._files = files
        self._pending: dict[int, tuple[str, trio.Event]] = {}
        self._serial = 0
        self._locks: dict[str, trio.Lock] = {}
        self._send, self._receive = trio.open_memory_channel[tuple[int, str, bool]](math.inf)

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Work until cancelled."""
        limiter = trio.CapacityLimiter(AT_A_TIME)
        async with trio.open_nursery() as nursery:
            task_status.started()
            async for number, name, is_retry in self._receive:
                nursery.start_soon(self._carry_out, number, name, is_retry, limiter)

    async def check(self, name: str, content: bytes) -> None:
        """Raise SpecificationError when that content cannot stand under that name."""
        await trio.to_thread.run_sync(self._intake.check, name, content)

    def submit_soon(self, name: str) -> None:
        """The content of a file changed."""
        self._enqueue(name, is_retry=False)

    def retry_soon(self, name: str) -> None:
        """A file was touched."""
        self._enqueue(name, is_retry=True)

    async def settled(self, *names: str, patience_seconds: float = PATIENCE_SECONDS) -> None:
        """What was handed over before now is carried out, of these names or of all; gives up after a while."""
        if not self._pending:
            return
        with trio.move_on_after(patience_seconds):
            for name, event in tuple(self._pending.values()):
                if not names or name in names:
                    await event.wait()

    async def retire(self, name: str) -> None:
        """A file is gone. Called with its name locked."""
        await self._intake.retire(name)

    async def rename(self, old: str, new: str) -> None:
        """A file has another name. Called with both locked."""
        written = None if self._files.is_being_written(new) else await trio.to_thread.run_sync(self._files.read, new)
        if written is None or not written.content.strip():
            await self._intake.retire(old)
            return
        try:
            await self._intake.rename(old, new, written.content, written.mtime_ns, written.uid)
        except SpecificationError as error:  # the file moved all the same, and says so in its message
            logger.info("%r is refused: %s", new, error)

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
        async with lock, self._lock(names[1:]):
            yield
        if not lock.locked() and self._locks.get(names[0]) is lock:
            del self._locks[names[0]]

    def _enqueue(self, name: str, *, is_retry: bool) -> None:
        self._serial += 1
        self._pending[self._serial] = name, trio.Event()
        self._send.send_nowait((self._serial, name, is_retry))

    async def _carry_out(self, number: int, name: str, is_retry: bool, limiter: trio.CapacityLimiter) -> None:  # noqa: FBT001
        try:
            async with self.locked(name), limiter:
                await self._submit_or_retry(name, is_retry=is_retry)
        except UserError as error:
            logger.info("%r is refused: %s", name, error)
        except (CondafsError, OSError) as error:
            logger.warning("%r is not taken: %s; touch it to try again", name, error)
        except Exception:
            # What is wrong with one file must not end the mount for everybody: this is the handler of a request
            # whose answer the kernel did not wait for.
            logger.exception("%r is not taken; touch it to try again", name)
        finally:
            self._pending.pop(number)[1].set()

    async def _submit_or_retry(self, name: str, *, is_retry: bool) -> None:
        if self._files.is_being_written(name):
            return  # its last release hands it over again
        written = await trio.to_thread.run_sync(self._files.read, name)
        if written is None or not written.content.strip():
            return
        if is_retry and self._is_taken(name, written.content):
            await self._intake.retry(name)
        else:
            await self._intake.submit(name, written.content, written.mtime_ns, written.uid)

    def _is_taken(self, name: str, content: bytes) -> bool:
        """Whether that content was accepted before: touching what was refused submits it again."""
        with self._catalog.snapshot() as snapshot:
            record = snapshot.file(name)
        return (
            record is not None and not record.refusal and record.content_sha256 == hashlib.sha256(content).hexdigest()
        )
