"""The one way in: everything that changes what is to be built, or what a name points at.

Used by the tree (somebody wrote, renamed, touched or removed a file, a link or a build) and at the start for what
happened to files meanwhile. Each call is one transaction; after it, the logs and then the scheduler are told. Steps
about one file must not overlap: the tree takes care of that.

`author` is who asked, for the journal and nothing else: whether somebody may is the mount's to decide. Of what happened
while nobody looked it is not known, and the daemon is named.
"""

import hashlib
import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import lru_cache, partial
from typing import Protocol

import trio

from condafs.catalog import changes, claims
from condafs.catalog.changes import Changes
from condafs.catalog.claims import Submission
from condafs.catalog.events import DAEMON, Author
from condafs.catalog.records import FileRecord
from condafs.catalog.store import Catalog
from condafs.catalog.transaction import Transaction
from condafs.config import Settings, machine_platform
from condafs.errors import ConflictError, SpecificationError
from condafs.names import MAX_PREFIX_BYTES, BuildName, EnvironmentName, SpecDigest
from condafs.scheduler.logbook import MOVED, Logbook, describe
from condafs.spec.canonical import digest_of, to_canonical
from condafs.spec.credentials import mask_credentials, mask_in_place
from condafs.spec.parse import parse
from condafs.spec.specification import Specification

logger = logging.getLogger(__name__)

REMEMBERED_FILES = 256
REMEMBERED_BYTES = 2048
"""Files whose parsing is remembered: the last so many, of at most so many bytes."""

_BUILD_NAME_BYTES = 66  # digest, dash, and the separator before them


class Follower(Protocol):
    """Who acts on changed builds: the scheduler."""

    def look_at(self, builds: Iterable[BuildName]) -> None:
        """The state of these may have changed."""
        ...


class Intake:
    """Takes what people ask for.

    Args:
        catalog: Opened for writing.
        follower: Told of changed builds.
        settings: Directories.
        clock: Unix seconds.
    """

    def __init__(
        self,
        catalog: Catalog,
        follower: Follower,
        settings: Settings,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._catalog = catalog
        self._follower = follower
        self._clock = clock
        self._logbook = Logbook(settings.logs, clock)
        self._parsing = trio.CapacityLimiter(1)  # more threads would only wait for each other
        self._platform = machine_platform()
        # Each file is parsed when it is closed, to refuse it there, and a moment later when it is submitted.
        self._parse_small = lru_cache(REMEMBERED_FILES)(
            lambda file_name, content: parse(content, file_name, self._platform, self._max_name_bytes)
        )
        self._max_name_bytes = MAX_PREFIX_BYTES - len(str(settings.builds).encode()) - _BUILD_NAME_BYTES

    def check(self, file_name: str, content: bytes) -> Specification | None:
        """Whether that content could stand under that name now. Changes nothing; any thread may ask.

        Returns:
            What it describes; None for a blank file or a note.

        Raises:
            SpecificationError: It would be refused.
        """
        specification = self._parse(file_name, content)
        if specification:
            with self._catalog.snapshot() as snapshot:
                environment = snapshot.environment(specification.name)
            if conflict := claims.find_conflict(environment, specification.name, file_name):
                raise SpecificationError(str(conflict))
        return specification

    def _parse(self, file_name: str, content: bytes) -> Specification | None:
        if len(content) <= REMEMBERED_BYTES:
            return self._parse_small(file_name, content)
        return parse(content, file_name, self._platform, self._max_name_bytes)

    async def submit(
        self, file_name: str, content: bytes, mtime_ns: int, uid: int, author: Author | None = None
    ) -> None:
        """A file was written: build what it describes, or point its name there at once when that is built.

        Args:
            file_name: Its name in `.specs`.
            content: Its bytes.
            mtime_ns: When it was written.
            uid: Its owner.
            author: Who put it there, when that is more than its owner.

        Raises:
            SpecificationError: It is refused; the reason is kept with the file, what it described before stays.
        """
        await self._take(_unparsed(file_name, content, mtime_ns), content, uid, author or Author(uid))

    async def rename(  # noqa: PLR0913, PLR0917 - a file under two names
        self, old: str, new: str, content: bytes, mtime_ns: int, uid: int, author: Author | None = None
    ) -> None:
        """A file was renamed: its claim goes along. Submitted when it describes something else under the new name.

        Raises:
            SpecificationError: It is refused under the new name; what it described is retired.
        """
        await self._take(_unparsed(new, content, mtime_ns), content, uid, author or Author(uid), moved_from=old)

    async def _take(self, file: FileRecord, content: bytes, uid: int, author: Author, moved_from: str = "") -> None:
        try:
            specification = await self._parse_aside(file.file_name, content)
            if specification is None:
                await self._note(file, content, author, moved_from)
            else:
                submission = self._submission(file, specification, uid, moved_from)
                await self._accept(submission, author)
        except (SpecificationError, ConflictError) as error:
            refusal = error if isinstance(error, SpecificationError) else SpecificationError(str(error))
            text = mask_in_place(refusal.render(file.file_name))  # the caret stays where it points
            record = replace(file, refusal=text)
            refuse = partial(claims.refuse, file=record, now=self._clock(), moved_from=moved_from)
            await self._change(refuse, author)
            logger.info("%s: refused: %s", file.file_name, mask_credentials(str(error)))
            raise refusal from None

    async def _parse_aside(self, file_name: str, content: bytes) -> Specification | None:
        """In a thread: a file takes milliseconds, and a thousand of them may come in one round of the event loop."""
        return await trio.to_thread.run_sync(self._parse, file_name, content, limiter=self._parsing)

    @staticmethod
    def _submission(file: FileRecord, specification: Specification, uid: int, moved_from: str) -> Submission:
        accepted = replace(file, digest=digest_of(specification), name=specification.name)
        return Submission(accepted, to_canonical(specification), uid, moved_from, specification.image)

    async def _accept(self, submission: Submission, author: Author) -> None:
        file = submission.file
        if submission.moved_from:
            move = partial(claims.move_file, submission=submission)
            if await self._catalog.write(move):
                logger.info("%s: describes %s, as %s did", file.file_name, file.name, submission.moved_from)
                return
        logger.info("%s: submitted by %s: %s-%s", file.file_name, author, file.digest, file.name)
        await self._change(partial(claims.submit, submission=submission, now=self._clock()), author)

    async def _note(self, file: FileRecord, content: bytes, author: Author, moved_from: str) -> None:
        """No specification. A blank file is one that is being made: whatever it described before stays."""
        if moved_from:
            await self.retire(moved_from, author)
        if content.strip():
            await self._change(partial(claims.retire, file_name=file.file_name, now=self._clock(), note=file), author)

    async def note_refusal(self, file_name: str, author: Author) -> None:
        """A file was not let into place under that name: nothing changes, but the journal tells of it."""
        await self._catalog.write(partial(claims.note_refusal, file_name=file_name, now=self._clock()), author)

    async def retry(self, file_name: str, author: Author = DAEMON) -> None:
        """A file was touched: try what it describes again now, if that failed, was cancelled, or waits."""
        await self._change(partial(claims.retry, file_name=file_name, now=self._clock()), author)

    async def retire(self, file_name: str, author: Author = DAEMON) -> None:
        """A file was removed: its environment is retired; what is being built for it is cancelled, builds stay."""
        await self._change(partial(claims.retire, file_name=file_name, now=self._clock()), author)

    async def roll_back(self, name: EnvironmentName, digest: SpecDigest, author: Author = DAEMON) -> None:
        """Point a name at a published build of it, until a specification is written again.

        Raises:
            NotFoundError: No such environment or build.
            ForbiddenError: The environment is retired.
        """
        await self._change(partial(changes.roll_back, name=name, digest=digest, now=self._clock()), author)

    async def delete_build(self, build: BuildName, author: Author = DAEMON) -> None:
        """Delete a build; it is invisible when this returns, its files go soon. One in the making is cancelled.

        Raises:
            NotFoundError: No such build.
            ForbiddenError: It is the current one.
        """
        await self._change(partial(changes.delete, build=build, now=self._clock()), author)

    async def renew(self, build: BuildName, author: Author = DAEMON) -> None:
        """Make a published build again in its place, because it is damaged.

        Raises:
            NotFoundError: No such build.
            ForbiddenError: It never was published.
        """
        await self._change(partial(changes.renew, build=build, now=self._clock()), author)

    async def cancel(self, build: BuildName, author: Author = DAEMON) -> None:
        """Cancel a build that is queued, waits or runs; nothing happens to any other.

        Raises:
            NotFoundError: No such build.
        """
        await self._change(partial(changes.cancel, build=build, now=self._clock()), author)

    async def _change(self, function: Callable[[Transaction], Changes], author: Author) -> None:
        with trio.CancelScope(shield=True):  # what is committed is told, or it would wait for the next start
            changed = await self._catalog.write(function, author)
            lines = [(record.build, describe(record)) for record in changed.builds]
            lines += [(record.build, f"{record.name} {MOVED}") for record in changed.moved]
            for build, text in lines:
                logger.info("%s: %s", build, text)
            await self._logbook.note(lines)
            self._follower.look_at([record.build for record in changed.builds])


def _unparsed(file_name: str, content: bytes, mtime_ns: int) -> FileRecord:
    return FileRecord(file_name, hashlib.sha256(content).hexdigest(), len(content), mtime_ns)
