"""What can happen to environments and builds, as functions of one write transaction.

They keep these laws, whatever the order of events:

- `current` is None or READY, and a name moves to the digest it wants or not at all;
- what is QUEUED or WAITING is wanted by an environment that is not retired;
- a wanted build that is READY is current, unless the environment is retired.

Each returns what changed, for those who act on it after the commit. All may be run again when a commit fails, and read
no clock: `now` is Unix seconds.
"""

from dataclasses import dataclass, field, replace

from condafs.catalog.records import ACTIVE_STATES, BuildRecord, BuildState, EnvironmentRecord, FileRecord
from condafs.catalog.transaction import Transaction
from condafs.catalog.transitions import Step, is_possible, take
from condafs.errors import ConflictError, ForbiddenError, NotFoundError
from condafs.names import BuildName, EnvironmentName, SpecDigest


@dataclass(slots=True)
class Changes:
    """What a transaction changed.

    Attributes:
        builds: Builds that a step was taken with, as they are now.
        moved: Builds that became current.
        hidden: Names that `/envs` no longer shows.
        deleted: Builds that can no longer be seen.
    """

    builds: list[BuildRecord] = field(default_factory=list)
    moved: list[BuildRecord] = field(default_factory=list)
    hidden: list[EnvironmentName] = field(default_factory=list)
    deleted: list[BuildName] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Submission:
    """An accepted file.

    Attributes:
        file: Its record; digest and name are set.
        canonical: Canonical specification.
        owner_uid: Who wrote it.
        moved_from: The file's name before a rename, "" otherwise.
    """

    file: FileRecord
    canonical: bytes
    owner_uid: int
    moved_from: str = ""


def step(transaction: Transaction, record: BuildRecord, taken: Step, changes: Changes, **fields: object) -> BuildRecord:
    """Take a step with a build that is known; TransitionError when the table does not have it."""
    state = take(record.state, taken)
    after: BuildRecord = replace(record, state=state, **fields)  # type: ignore[arg-type]
    transaction.put_build(after)
    changes.builds.append(after)
    return after


def find_conflict(
    environment: EnvironmentRecord | None, name: EnvironmentName, *file_names: str
) -> ConflictError | None:
    """What is wrong when another file than these claims the name."""
    if environment is None or environment.file_name in ("", *file_names):
        return None
    other = environment.file_name
    return ConflictError(
        f"the environment {name} is described by {other!r} already: one file a name. "
        f"Give this one another name, or remove {other!r} first and write this one again"
    )


def submit(transaction: Transaction, submission: Submission, now: float) -> Changes:
    """A file was written: its environment wants what it describes, and has it at once when that is READY.

    Raises:
        ConflictError: Another file claims the name.
    """
    changes = Changes()
    file, moved_from = submission.file, submission.moved_from
    name, digest = file.name, file.digest
    assert name is not None  # noqa: S101 - an accepted file has both
    assert digest is not None  # noqa: S101
    environment = transaction.environment(name)
    if conflict := find_conflict(environment, name, file.file_name, moved_from):
        raise conflict
    for file_name in filter(None, (file.file_name, moved_from)):
        _release(transaction, file_name, changes, now, keep=name)
    if moved_from:
        transaction.remove_file(moved_from)
    transaction.put_file(file)
    before = environment or EnvironmentRecord(name, digest)
    environment = replace(before, wanted=digest, file_name=file.file_name, owner_uid=submission.owner_uid)
    record = transaction.build(digest)
    if record is None or is_possible(record.state, Step.SUBMIT):
        record = _queue(transaction, BuildName(digest, name), submission, changes, now)
    if record.state is BuildState.READY and before.current != digest:
        environment = replace(environment, current=digest, moved=now)
        changes.moved.append(record)
    transaction.put_environment(environment)
    _supersede_others(transaction, environment, changes, now)
    return changes


def _queue(
    transaction: Transaction, build: BuildName, submission: Submission, changes: Changes, now: float
) -> BuildRecord:
    known = transaction.build(build.digest)
    take(known.state if known else None, Step.SUBMIT)
    record = BuildRecord(
        build,
        BuildState.QUEUED,
        transaction.next_sequence(),
        submitted=now,
        owner_uid=submission.owner_uid,
    )
    transaction.put_specification(build.digest, submission.canonical)
    transaction.put_build(record)
    changes.builds.append(record)
    return record


def _supersede_others(transaction: Transaction, environment: EnvironmentRecord, changes: Changes, now: float) -> None:
    """What waits for its turn and is not wanted any more never gets one."""
    for record in transaction.active_of(environment.name):
        if record.digest != environment.wanted and record.state in (BuildState.QUEUED, BuildState.WAITING):
            step(transaction, record, Step.SUPERSEDE, changes, next_try=0, finished=now)


def move_file(transaction: Transaction, old: str, file: FileRecord, owner_uid: int) -> bool:
    """A file got another name and describes what it did: the claim goes along, and nothing is submitted.

    Returns:
        False when it is not that simple; nothing has changed then.
    """
    before, name = transaction.file(old), file.name
    if before is None or name is None or before.refusal or (before.digest, before.name) != (file.digest, name):
        return False
    environment, replaced = transaction.environment(name), transaction.file(file.file_name)
    if environment is None or environment.file_name != old or (replaced and replaced.name not in (None, name)):
        return False
    transaction.remove_file(old)
    transaction.put_file(file)
    transaction.put_environment(replace(environment, file_name=file.file_name, owner_uid=owner_uid))
    return True


def refuse(transaction: Transaction, file: FileRecord, now: float, moved_from: str = "") -> Changes:
    """A file cannot be accepted. What it described before stays as it is; it still claims that name.

    After a rename, what the file's old name claimed is released: no file of that name is there any more.
    """
    changes = Changes()
    before = transaction.file(file.file_name)
    if moved_from:
        _release(transaction, moved_from, changes, now)
        transaction.remove_file(moved_from)
    transaction.put_file(replace(file, name=before.name if before else None))
    return changes


def retire(transaction: Transaction, file_name: str, now: float, note: FileRecord | None = None) -> Changes:
    """A file is gone, or has become a note, which then is its record: what it described is retired."""
    changes = Changes()
    _release(transaction, file_name, changes, now)
    if note:
        transaction.put_file(note)
    else:
        transaction.remove_file(file_name)
    return changes


def _release(
    transaction: Transaction, file_name: str, changes: Changes, now: float, keep: EnvironmentName | None = None
) -> None:
    """Retire the environment that a file claims, unless it is `keep`."""
    file = transaction.file(file_name)
    environment = transaction.environment(file.name) if file and file.name and file.name != keep else None
    if environment is None or environment.file_name != file_name:
        return
    if environment.current:
        changes.hidden.append(environment.name)
    transaction.put_environment(replace(environment, file_name=""))
    for record in transaction.active_of(environment.name):
        if is_possible(record.state, Step.CANCEL):
            step(transaction, record, Step.CANCEL, changes, next_try=0, finished=now)
    _forget_when_empty(transaction, environment.name)


def retry(transaction: Transaction, file_name: str, now: float) -> Changes:
    """A file was touched: what it describes is tried again, now, if it failed, was cancelled, or waits."""
    changes = Changes()
    file = transaction.file(file_name)
    environment = transaction.environment(file.name) if file and file.name else None
    if environment is None or environment.file_name != file_name:
        return changes
    record = transaction.build(environment.wanted)
    if record and is_possible(record.state, Step.SUBMIT):
        fresh = BuildRecord(
            record.build,
            record.state,
            transaction.next_sequence(),
            submitted=now,
            owner_uid=record.owner_uid,
        )
        step(transaction, fresh, Step.SUBMIT, changes)
    return changes


def roll_back(transaction: Transaction, name: EnvironmentName, digest: SpecDigest, now: float) -> Changes:
    """Point a name at an earlier (or later) build, which it wants from now on, until a specification is written.

    Raises:
        NotFoundError: No such environment, or no such published build of it.
        ForbiddenError: The environment is retired.
    """
    changes = Changes()
    environment = transaction.environment(name)
    record = transaction.build(digest)
    if environment is None:
        msg = f"there is no environment {name}"
        raise NotFoundError(msg)
    if record is None or record.name != name or record.state is not BuildState.READY:
        msg = f"{name} has no published build {digest.short}"
        raise NotFoundError(msg)
    if environment.is_retired:
        msg = f"the environment {name} is retired: write its specification into .specs to bring it back"
        raise ForbiddenError(msg)
    if environment.current != digest:
        changes.moved.append(record)
    moved = now if environment.current != digest else environment.moved
    after = replace(environment, wanted=digest, current=digest, moved=moved)
    transaction.put_environment(after)
    _supersede_others(transaction, after, changes, now)
    return changes


def cancel(transaction: Transaction, build: BuildName, now: float) -> Changes:
    """A build in the making is not to be made; nothing happens to one that is not.

    Raises:
        NotFoundError: No such build.
    """
    changes = Changes()
    record = _require(transaction, build)
    if is_possible(record.state, Step.CANCEL):
        step(transaction, record, Step.CANCEL, changes, next_try=0, finished=now)
    return changes


def delete(transaction: Transaction, build: BuildName, now: float) -> Changes:
    """A build is to go: it is no longer visible, its files are removed next. One in the making is cancelled.

    Raises:
        NotFoundError: No such build.
        ForbiddenError: It is current, or wanted.
    """
    changes = Changes()
    record = _require(transaction, build)
    if record.state in ACTIVE_STATES:
        return changes if record.state is BuildState.DELETING else cancel(transaction, build, now)
    environment = transaction.environment(build.name)
    if environment and not environment.is_retired and digest_is_used(environment, build.digest):
        file = environment.file_name
        raise ForbiddenError(
            f"{build} is the current build of {build.name}: roll back to another one first, or remove {file!r}"
            if environment.current == build.digest
            else f"{build} is what {file!r} describes: write or remove that file instead"
        )
    if environment and environment.current == build.digest:
        transaction.put_environment(replace(environment, current=None, moved=now))
    step(transaction, record, Step.DELETE, changes)
    changes.deleted.append(build)
    return changes


def digest_is_used(environment: EnvironmentRecord, digest: SpecDigest) -> bool:
    """Whether a name points at a build, or is to."""
    return digest in (environment.current, environment.wanted)


def erase(transaction: Transaction, digest: SpecDigest, now: float) -> Changes:
    """The files of a DELETING build are gone: so is its record, unless it was submitted again meanwhile."""
    changes = Changes()
    record = transaction.build(digest)
    if record is None or record.state is not BuildState.DELETING:
        return changes
    environment = transaction.environment(record.name)
    if environment and environment.wanted == digest and not environment.is_retired:
        sequence, owner = transaction.next_sequence(), environment.owner_uid
        fresh = BuildRecord(record.build, record.state, sequence, submitted=now, owner_uid=owner)
        step(transaction, fresh, Step.REMAKE, changes)
    else:
        take(record.state, Step.ERASE)
        transaction.remove_build(digest)
        _forget_when_empty(transaction, record.name)
    return changes


def _forget_when_empty(transaction: Transaction, name: EnvironmentName) -> None:
    environment = transaction.environment(name)
    if environment and environment.is_retired and not transaction.has_builds(name):
        transaction.remove_environment(name)


def _require(transaction: Transaction, build: BuildName) -> BuildRecord:
    record = transaction.build(build.digest)
    if record is None or record.build != build:
        msg = f"there is no build {build}"
        raise NotFoundError(msg)
    return record
