"""What a try of a build does to the catalog, as functions of one write transaction; used by the scheduler alone.

A try may end when its build is no longer BUILDING, because it was cancelled meanwhile: then nothing changes, the
functions return None, and the prefix is to be removed.
"""

from dataclasses import dataclass, replace

from condafs.catalog.changes import Changes, step
from condafs.catalog.records import BuildRecord, BuildState
from condafs.catalog.transaction import Transaction
from condafs.catalog.transitions import Step, is_possible
from condafs.catalog.usage import find_excess
from condafs.config.quotas import NO_LIMITS, Limits
from condafs.names import SpecDigest


@dataclass(frozen=True, slots=True)
class Sizes:
    """What is known of a finished build."""

    size_bytes: int
    own_bytes: int
    package_count: int


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a try failed; `delay_seconds` until the next one, None: there is none."""

    kind: str
    message: str
    delay_seconds: float | None


@dataclass(frozen=True, slots=True)
class Published:
    """A build that became READY; `is_current` when its name moved to it."""

    record: BuildRecord
    is_current: bool


QUOTA = "quota"
"""Failure kind of a build whose owner has no room for it; the other kinds are the builder's."""


def start(transaction: Transaction, digest: SpecDigest, now: float, limits: Limits = NO_LIMITS) -> BuildRecord | None:
    """A try begins, and is counted; None when the build is not waiting for one (any more).

    What it will take is known when it is published. So who submits many at once passes with all of them; those whose
    turn comes when the first have used the room up are FAILED here. As many builds as run at a time may exceed it.

    Args:
        transaction: To write with.
        digest: Of the build.
        now: Unix seconds.
        limits: Of its owner.
    """
    transaction.now = now
    record = transaction.build(digest)
    if record is None or not is_possible(record.state, Step.START):
        return None
    attempts = record.attempts + 1
    record = step(transaction, record, Step.START, Changes(), attempts=attempts, next_try=0, started=now)
    bytes_only = Limits(own_bytes=limits.own_bytes)
    # What is made again takes no more than it took.
    if record.generation or not (excess := find_excess(transaction, record.owner_uid, bytes_only, now, builds=1)):
        return record
    fields = {"finished": now, "failure_kind": QUOTA, "failure_message": str(excess)}
    return step(transaction, record, Step.FAIL, Changes(), **fields)


def publish(transaction: Transaction, digest: SpecDigest, sizes: Sizes, now: float) -> Published | None:
    """Make a sealed prefix a generation, and move the name to it when it is still wanted, or has nothing else.

    A name that resolves to nothing takes what there is: when the newer specification that overtook this build fails,
    the name still serves the last good one.

    The second half of publishing. The first is the builder's: everything synced, then the marker renamed into the
    prefix. A crash before this transaction leaves a BUILDING record, which the next start queues again (its next try
    begins with the removal of the prefix); a crash after it leaves nothing to do.
    """
    transaction.now = now
    record = transaction.build(digest)
    if record is None or not is_possible(record.state, Step.PUBLISH):
        return None
    environment = transaction.environment(record.name)
    if environment is None:
        return None
    generation = record.generation or environment.last_generation + 1
    is_current = environment.wanted == digest or (environment.current is None and not environment.is_retired)
    after = step(
        transaction,
        record,
        Step.PUBLISH,
        Changes(),
        generation=generation,
        attempts=0,
        next_try=0,
        finished=now,
        failure_kind="",
        failure_message="",
        size_bytes=sizes.size_bytes,
        own_bytes=sizes.own_bytes,
        package_count=sizes.package_count,
    )
    environment = replace(environment, last_generation=max(generation, environment.last_generation))
    if is_current:
        environment = replace(environment, current=digest, moved=now)
    transaction.put_environment(environment)
    return Published(after, is_current)


def fail(transaction: Transaction, digest: SpecDigest, failure: Failure, now: float) -> BuildRecord | None:
    """A try failed: WAITING for the next, FAILED, or SUPERSEDED when nobody wants it any more."""
    transaction.now = now
    record = transaction.build(digest)
    if record is None or not is_possible(record.state, Step.FAIL):
        return None
    taken, next_try = Step.FAIL, 0.0
    if not _is_wanted(transaction, record):
        taken = Step.SUPERSEDE
    elif failure.delay_seconds is not None:
        taken, next_try = Step.POSTPONE, now + failure.delay_seconds
    return step(
        transaction,
        record,
        taken,
        Changes(),
        next_try=next_try,
        finished=now,
        failure_kind=failure.kind,
        failure_message=failure.message,
    )


def interrupt(transaction: Transaction, digest: SpecDigest, now: float) -> BuildRecord | None:
    """The daemon ends in good order while a build runs: queued again, and the try does not count.

    SUPERSEDED when nobody wants it any more.
    """
    transaction.now = now
    record = transaction.build(digest)
    if record is None or not is_possible(record.state, Step.INTERRUPT):
        return None
    if not _is_wanted(transaction, record):
        return step(transaction, record, Step.SUPERSEDE, Changes(), finished=now)
    return step(transaction, record, Step.INTERRUPT, Changes(), attempts=record.attempts - 1)


def recover(transaction: Transaction, most_attempts: int, now: float) -> list[BuildRecord]:
    """After a crash: what was BUILDING is queued again. The try counts, so that a build that kills the daemon, or the
    machine, does so `most_attempts` times and no more. What is made again is queued in any case, for its files may be
    there still: who tries it sees that it was tried too often, and gives it back.

    Returns:
        The builds that were BUILDING, as they are now.
    """  # noqa: D205 - one thought
    transaction.now = now
    found = [record for record in transaction.active() if record.state is BuildState.BUILDING]
    changes = Changes()
    for record in found:
        if not _is_wanted(transaction, record):
            step(transaction, record, Step.SUPERSEDE, changes, finished=now)
        elif record.attempts >= most_attempts and not record.generation:
            message = f"the daemon was killed during the last of {record.attempts} tries of this build"
            fields = {"finished": now, "failure_kind": "killed", "failure_message": message}
            step(transaction, record, Step.FAIL, changes, **fields)
        else:
            step(transaction, record, Step.INTERRUPT, changes)
    return changes.builds


def _is_wanted(transaction: Transaction, record: BuildRecord) -> bool:
    """By its environment; or it is being made again because it is damaged, and was a generation before."""
    if record.generation:
        return True
    environment = transaction.environment(record.name)
    return environment is not None and environment.wanted == record.digest and not environment.is_retired
