"""Specifications come in: what is done to their files changes what is to be built, or what a name points at.

Used by the tree (somebody wrote, renamed, touched or removed a file) and at the start for what happened to files
meanwhile. Steps about one file must not overlap: the tree takes care of that.

`author` is who asked: for the journal, and where the mount cannot decide whether somebody may (`catalog.rights`). Of
what happened while nobody looked it is not known, and the daemon is named.
"""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache, partial

import trio

from condafs.catalog import claims
from condafs.catalog.claims import Submission
from condafs.catalog.events import DAEMON, Author
from condafs.catalog.records import FileRecord
from condafs.catalog.store import Catalog
from condafs.config import Settings, machine_platform
from condafs.config.quotas import Limits
from condafs.errors import ConflictError, NotYoursError, QuotaError, SpecificationError, UserError
from condafs.journal import about
from condafs.names import MAX_PREFIX_BYTES, EnvironmentName
from condafs.scheduler.allowances import Allowances
from condafs.scheduler.announcer import Announcer
from condafs.spec.canonical import digest_of, to_canonical
from condafs.spec.credentials import mask_credentials, mask_in_place
from condafs.spec.parse import parse
from condafs.spec.specification import Specification
from condafs.wording import user_text

logger = logging.getLogger(__name__)

REMEMBERED_FILES = 256
REMEMBERED_BYTES = 2048
"""Files whose parsing is remembered: the last so many, of at most so many bytes."""

_BUILD_NAME_BYTES = 66  # digest, dash, and the separator before them


class Intake:
    """Takes files.

    Args:
        catalog: Opened for writing.
        announcer: Commits what changes builds and names.
        allowances: What owners of files may do and have.
        settings: Directories.
        clock: Unix seconds.
    """

    def __init__(
        self,
        catalog: Catalog,
        announcer: Announcer,
        allowances: Allowances,
        settings: Settings,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._catalog = catalog
        self._announcer = announcer
        self._allowances = allowances
        self._policy = allowances.policy
        self._clock = clock
        self._parsing = trio.CapacityLimiter(1)  # more threads would only wait for each other
        self._platform = machine_platform()
        # Each file is parsed when it is closed, to refuse it there, and a moment later when it is submitted.
        self._parse_small = lru_cache(REMEMBERED_FILES)(
            lambda file_name, content: parse(content, file_name, self._platform, self._max_name_bytes)
        )
        self._max_name_bytes = MAX_PREFIX_BYTES - len(str(settings.builds).encode()) - _BUILD_NAME_BYTES

    async def know(self, uid: int) -> None:
        """Find out which quotas a user has. What is asked about her without that goes by what is known."""
        await self._allowances.know(uid)

    def limits_of(self, uid: int) -> Limits:
        """What a user may have."""
        return self._allowances.limits_of(uid)

    def check(self, file_name: str, content: bytes, uid: int) -> Specification | None:
        """Whether that content of that owner could stand under that name now. Changes nothing; any thread may ask.

        Returns:
            What it describes; None for a blank file or a note.

        Raises:
            SpecificationError, NotYoursError, QuotaError: It would be refused.
        """
        specification = self._parse(file_name, content)
        if specification:
            submission = self._submission(_unparsed(file_name, b"", 0), specification, uid, "")
            with self._catalog.snapshot() as snapshot:
                refusal = claims.find_refusal(snapshot, submission, self._clock(), self._policy)
            if isinstance(refusal, ConflictError):
                raise SpecificationError(str(refusal))
            if refusal:
                raise refusal
        return specification

    def check_retry(self, file_name: str) -> None:
        """Whether touching a file would do what it asks for.

        Raises:
            QuotaError: It would be refused.
        """
        with self._catalog.snapshot() as snapshot:
            refusal = claims.find_retry_excess(snapshot, file_name, self._clock(), self._policy)
        if refusal:
            raise refusal

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
            await self.know(uid)
            specification = await self._parse_aside(file.file_name, content)
            if specification is None:
                await self._note(file, content, author, moved_from)
            else:
                submission = self._submission(file, specification, uid, moved_from)
                await self._accept(submission, author)
        except (SpecificationError, ConflictError, NotYoursError, QuotaError) as error:
            raise await self._refuse(file, error, author, moved_from) from None

    async def _refuse(
        self, file: FileRecord, error: UserError, author: Author, moved_from: str = ""
    ) -> SpecificationError:
        """Keep with a file why it is refused."""
        if isinstance(error, NotYoursError):
            error = SpecificationError(error.said_of(await trio.to_thread.run_sync(user_text, str(error.owner_uid))))
        refusal = error if isinstance(error, SpecificationError) else SpecificationError(str(error))
        text = mask_in_place(refusal.render(file.file_name))  # the caret stays where it points
        record = replace(file, refusal=text)
        await self._announcer.commit(
            partial(claims.refuse, file=record, now=self._clock(), moved_from=moved_from), author
        )
        logger.info("%s: refused: %s", file.file_name, mask_credentials(str(error)))
        return refusal

    async def _parse_aside(self, file_name: str, content: bytes) -> Specification | None:
        """In a thread: a file takes milliseconds, and a thousand of them may come in one round of the event loop."""
        return await trio.to_thread.run_sync(self._parse, file_name, content, limiter=self._parsing)

    @staticmethod
    def _submission(file: FileRecord, specification: Specification, uid: int, moved_from: str) -> Submission:
        accepted = replace(file, digest=digest_of(specification), name=specification.name)
        return Submission(accepted, to_canonical(specification), uid, moved_from, specification.image)

    async def _accept(self, submission: Submission, author: Author) -> None:
        name = submission.file.name
        assert name is not None  # noqa: S101 - an accepted file has one
        before = self._claim_of(name)
        await self._commit(submission, author)
        if self._claim_of(name) != before:
            await self._announcer.note_claim(name)

    def _claim_of(self, name: EnvironmentName) -> tuple[str, int] | None:
        with self._catalog.snapshot() as snapshot:
            environment = snapshot.environment(name)
        return (environment.file_name, environment.owner_uid) if environment else None

    async def _commit(self, submission: Submission, author: Author) -> None:
        file = submission.file
        if submission.moved_from:
            move = partial(claims.move_file, submission=submission, policy=self._policy)
            if await self._catalog.write(move):
                text = "%s: describes %s, as %s did"
                logger.info(text, file.file_name, file.name, submission.moved_from, extra=about("", file.name))
                return
        submit = partial(claims.submit, submission=submission, now=self._clock(), policy=self._policy)
        await self._announcer.commit(submit, author)
        build = f"{file.digest}-{file.name}"
        logger.info("%s: submitted by %s: %s", file.file_name, author, build, extra=about(build))

    async def _note(self, file: FileRecord, content: bytes, author: Author, moved_from: str) -> None:
        """No specification. A blank file is one that is being made: whatever it described before stays."""
        if moved_from:
            await self.retire(moved_from, author)
        if content.strip():
            await self._announcer.commit(
                partial(claims.retire, file_name=file.file_name, now=self._clock(), note=file), author
            )

    async def note_refusal(self, file_name: str, author: Author) -> None:
        """A file was not let into place under that name: nothing changes, but the journal tells of it."""
        await self._catalog.write(partial(claims.note_refusal, file_name=file_name, now=self._clock()), author)

    async def retry(self, file_name: str, author: Author = DAEMON, mtime_ns: int | None = None) -> None:
        """A file was touched: try what it describes again now, if that failed, was cancelled, or waits.

        Args:
            file_name: The file.
            author: Who touched it.
            mtime_ns: When.

        Raises:
            SpecificationError: Its owner's quota is used up; the reason is kept with the file.
        """
        with self._catalog.snapshot() as snapshot:
            known = snapshot.file(file_name)
            environment = snapshot.environment(known.name) if known and known.name else None
        if environment:
            await self.know(environment.owner_uid)
        try:
            retry = partial(
                claims.retry, file_name=file_name, now=self._clock(), policy=self._policy, mtime_ns=mtime_ns
            )
            await self._announcer.commit(retry, author)
        except QuotaError as error:
            assert known  # noqa: S101 - what is not known is not tried
            touched = known if mtime_ns is None else replace(known, mtime_ns=mtime_ns)
            raise await self._refuse(touched, error, author) from None

    async def give(self, file_name: str, uid: int) -> None:
        """A file has another owner: so have the environment that it describes, and its builds."""
        await self._catalog.write(partial(claims.give_file, file_name=file_name, uid=uid))
        with self._catalog.snapshot() as snapshot:
            file = snapshot.file(file_name)
        if file and file.name:
            await self._announcer.note_claim(file.name)

    async def retire(self, file_name: str, author: Author = DAEMON) -> None:
        """A file was removed: its environment is retired; what is being built for it is cancelled, builds stay."""
        await self._announcer.commit(partial(claims.retire, file_name=file_name, now=self._clock()), author)


def _unparsed(file_name: str, content: bytes, mtime_ns: int) -> FileRecord:
    return FileRecord(file_name, hashlib.sha256(content).hexdigest(), len(content), mtime_ns)
