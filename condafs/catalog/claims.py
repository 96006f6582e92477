"""What files mean for environments, as functions of one write transaction: written, renamed, touched, removed.

A file *claims* the name that it describes. One file a name; a refused file goes on claiming what it described before.
The laws that `changes` states hold here too.
"""

from dataclasses import dataclass, replace

from condafs.catalog.changes import Changes, forget_when_empty, step, supersede_others
from condafs.catalog.events import EventKind
from condafs.catalog.reader import Snapshot
from condafs.catalog.records import BuildRecord, BuildState, EnvironmentRecord, FileRecord
from condafs.catalog.rights import POLICY, Policy, find_other_owner, give
from condafs.catalog.transaction import Transaction
from condafs.catalog.transitions import Step, is_possible, take
from condafs.catalog.usage import count_build, find_excess
from condafs.errors import ConflictError, UserError
from condafs.names import BuildName, EnvironmentName
from condafs.spec.image import DEFAULT_IMAGE, ImageSettings


@dataclass(frozen=True, slots=True)
class Submission:
    """An accepted file.

    Attributes:
        file: Its record; digest and name are set.
        canonical: Canonical specification.
        owner_uid: Who wrote it.
        moved_from: The file's name before a rename, "" otherwise.
        image: What it says of the container image, which holds for all builds of the name.
    """

    file: FileRecord
    canonical: bytes
    owner_uid: int
    moved_from: str = ""
    image: ImageSettings = DEFAULT_IMAGE


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


def find_refusal(snapshot: Snapshot, submission: Submission, now: float, policy: Policy) -> UserError | None:
    """Why an accepted file cannot have what it describes: another file or user has the name, or a quota is used up."""
    file, uid = submission.file, submission.owner_uid
    assert file.name is not None  # noqa: S101 - an accepted file has both
    assert file.digest is not None  # noqa: S101
    environment = snapshot.environment(file.name)
    if conflict := find_conflict(environment, file.name, file.file_name, submission.moved_from):
        return conflict
    if stranger := find_other_owner(environment, uid, policy):
        return stranger
    limits = policy.limits_of(uid)
    if limits.is_none:
        return None
    is_new = environment is None or environment.is_retired or environment.owner_uid != uid
    record = snapshot.build(file.digest)
    builds = int(record is None or is_possible(record.state, Step.SUBMIT))
    environments = int(is_new) - _count_released(snapshot, submission)
    return find_excess(snapshot, uid, limits, now, environments=environments, builds=builds)


def _count_released(snapshot: Snapshot, submission: Submission) -> int:
    """How many environments of the same owner the file gives up, because it described others before."""
    file, released = submission.file, set()
    for file_name in filter(None, (file.file_name, submission.moved_from)):
        before = snapshot.file(file_name)
        environment = snapshot.environment(before.name) if before and before.name else None
        if environment and environment.file_name == file_name and environment.owner_uid == submission.owner_uid:
            released.add(environment.name)
    return len(released - {file.name})


def submit(transaction: Transaction, submission: Submission, now: float, policy: Policy = POLICY) -> Changes:
    """A file was written: its environment wants what it describes, and has it at once when that is READY.

    Raises:
        ConflictError: Another file claims the name.
        NotYoursError: Another user has it.
        QuotaError: A quota is used up.
    """
    transaction.now = now
    changes = Changes()
    file, moved_from = submission.file, submission.moved_from
    name, digest = file.name, file.digest
    assert name is not None  # noqa: S101 - an accepted file has both
    assert digest is not None  # noqa: S101
    if refusal := find_refusal(transaction, submission, now, policy):
        raise refusal
    environment = transaction.environment(name)
    for file_name in filter(None, (file.file_name, moved_from)):
        _release(transaction, file_name, changes, now, keep=name)
    if moved_from:
        transaction.remove_file(moved_from)
    transaction.put_file(file)
    before = environment or EnvironmentRecord(name, digest, owner_uid=submission.owner_uid)
    before = give(transaction, before, submission.owner_uid)
    environment = replace(before, wanted=digest, file_name=file.file_name, owner_uid=submission.owner_uid)
    record = transaction.build(digest)
    if record is None or is_possible(record.state, Step.SUBMIT):
        record = _queue(transaction, BuildName(digest, name), submission, changes, now)
    elif record.state is not BuildState.READY and (before.is_retired or before.wanted != digest):
        transaction.note(EventKind.SUBMITTED, name, digest)  # it goes on as it is, and is wanted again
    if record.state is BuildState.READY and before.current != digest:
        environment = replace(environment, current=digest, moved=now)
        changes.moved.append(record)
    transaction.put_environment(environment)
    transaction.put_image(name, submission.image)
    supersede_others(transaction, environment, changes, now)
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
        generation=known.generation if known else 0,
        submitted=now,
        owner_uid=submission.owner_uid,
    )
    transaction.put_specification(build.digest, submission.canonical)
    transaction.put_build(record)
    count_build(transaction, submission.owner_uid, now)
    changes.builds.append(record)
    return record


def give_file(transaction: Transaction, file_name: str, uid: int) -> None:
    """A file has another owner: so has the environment that it describes."""
    file = transaction.file(file_name)
    environment = transaction.environment(file.name) if file and file.name else None
    if environment and environment.file_name == file_name:
        give(transaction, environment, uid)


def move_file(transaction: Transaction, submission: Submission, policy: Policy = POLICY) -> bool:
    """A file got another name and describes what it did: the claim goes along, and nothing is submitted.

    Its image counts: it may have been written a moment before, and nobody had submitted it yet.

    Returns:
        False when it is not that simple; nothing has changed then.
    """
    file, old = submission.file, submission.moved_from
    before, name = transaction.file(old), file.name
    if before is None or name is None or before.refusal or (before.digest, before.name) != (file.digest, name):
        return False
    environment, replaced = transaction.environment(name), transaction.file(file.file_name)
    if environment is None or environment.file_name != old or (replaced and replaced.name not in (None, name)):
        return False
    if not policy.may_act_for(submission.owner_uid, environment.owner_uid):
        return False
    transaction.remove_file(old)
    transaction.put_file(file)
    environment = give(transaction, environment, submission.owner_uid)
    transaction.put_environment(replace(environment, file_name=file.file_name))
    transaction.put_image(name, submission.image)
    return True


def refuse(transaction: Transaction, file: FileRecord, now: float, moved_from: str = "") -> Changes:
    """A file cannot be accepted. What it described before stays as it is; it still claims that name.

    After a rename, what the file's old name claimed is released: no file of that name is there any more.
    """
    transaction.now = now
    changes = Changes()
    before = transaction.file(file.file_name)
    if moved_from:
        _release(transaction, moved_from, changes, now)
        transaction.remove_file(moved_from)
    name = before.name if before else None
    transaction.put_file(replace(file, name=name))
    transaction.note(EventKind.REFUSED, name, detail=file.file_name)
    return changes


def note_refusal(transaction: Transaction, file_name: str, now: float) -> None:
    """A file was not let into place under that name: all stays as it is, and the journal tells of it."""
    transaction.now = now
    file = transaction.file(file_name)
    transaction.note(EventKind.REFUSED, file.name if file else None, detail=file_name)


def retire(transaction: Transaction, file_name: str, now: float, note: FileRecord | None = None) -> Changes:
    """A file is gone, or has become a note, which then is its record: what it described is retired."""
    transaction.now = now
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
    transaction.put_environment(replace(environment, file_name=""))
    for record in transaction.active_of(environment.name):
        if is_possible(record.state, Step.CANCEL) and not record.generation:
            step(transaction, record, Step.CANCEL, changes, next_try=0, finished=now)
    forget_when_empty(transaction, environment.name)


def find_retry(snapshot: Snapshot, file_name: str) -> BuildRecord | None:
    """The build that is tried again when a file is touched."""
    file = snapshot.file(file_name)
    environment = snapshot.environment(file.name) if file and file.name else None
    if environment is None or environment.file_name != file_name:
        return None
    record = snapshot.build(environment.wanted)
    return record if record and is_possible(record.state, Step.SUBMIT) else None


def find_retry_excess(snapshot: Snapshot, file_name: str, now: float, policy: Policy) -> UserError | None:
    """Why touching a file would change nothing."""
    record = find_retry(snapshot, file_name)
    uid = record.owner_uid if record else 0
    return find_excess(snapshot, uid, policy.limits_of(uid), now, builds=1) if record else None


def retry(
    transaction: Transaction, file_name: str, now: float, policy: Policy = POLICY, mtime_ns: int | None = None
) -> Changes:
    """A file was touched: what it describes is tried again, now, if it failed, was cancelled, or waits.

    `mtime_ns`, when it was touched, is kept, so that it counts once.

    Raises:
        QuotaError: Its owner's quota is used up.
    """
    transaction.now = now
    changes = Changes()
    if mtime_ns is not None and (file := transaction.file(file_name)):
        transaction.put_file(replace(file, mtime_ns=mtime_ns))
    if refusal := find_retry_excess(transaction, file_name, now, policy):
        raise refusal
    if record := find_retry(transaction, file_name):
        fresh = BuildRecord(
            record.build,
            record.state,
            transaction.next_sequence(),
            generation=record.generation,
            submitted=now,
            owner_uid=record.owner_uid,
        )
        step(transaction, fresh, Step.SUBMIT, changes)
        count_build(transaction, record.owner_uid, now)
    return changes
