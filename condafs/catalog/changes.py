"""What can happen to environments and builds, as functions of one write transaction; `claims` has what files do.

They keep these laws, whatever the order of events:

- `current` is None or READY, and a name moves to the digest it wants or not at all, but from nothing to any;
- what is QUEUED or WAITING is wanted by an environment that is not retired, or was a generation before (`renew`);
- a wanted build that is READY is current, unless the environment is retired.

Each returns what changed, for those who act on it after the commit. All may be run again when a commit fails, and read
no clock: `now` is Unix seconds, and they begin with telling it to the transaction, which dates the journal with it.
"""

from dataclasses import dataclass, field, replace

from condafs.catalog.pins import pins_of, unpin
from condafs.catalog.records import ACTIVE_STATES, BuildRecord, BuildState, EnvironmentRecord, PinRecord
from condafs.catalog.transaction import Transaction
from condafs.catalog.transitions import Step, is_possible, take
from condafs.errors import ForbiddenError, NotFoundError
from condafs.names import BuildName, EnvironmentName, SpecDigest

ROOT_UID = 0


@dataclass(slots=True)
class Changes:
    """What a transaction changed.

    Attributes:
        builds: Builds that a step was taken with, as they are now.
        moved: Builds that became current.
    """

    builds: list[BuildRecord] = field(default_factory=list)
    moved: list[BuildRecord] = field(default_factory=list)


def step(transaction: Transaction, record: BuildRecord, taken: Step, changes: Changes, **fields: object) -> BuildRecord:
    """Take a step with a build that is known; TransitionError when the table does not have it."""
    state = take(record.state, taken)
    after: BuildRecord = replace(record, state=state, **fields)  # type: ignore[arg-type]
    transaction.put_build(after)
    changes.builds.append(after)
    return after


def supersede_others(transaction: Transaction, environment: EnvironmentRecord, changes: Changes, now: float) -> None:
    """What waits for its turn and is not wanted any more never gets one."""
    for record in transaction.active_of(environment.name):
        is_waiting = record.state in (BuildState.QUEUED, BuildState.WAITING)
        if record.digest != environment.wanted and is_waiting and not record.generation:
            step(transaction, record, Step.SUPERSEDE, changes, next_try=0, finished=now)


def roll_back(transaction: Transaction, name: EnvironmentName, digest: SpecDigest, now: float) -> Changes:
    """Point a name at an earlier (or later) build, which it wants from now on, until a specification is written.

    Raises:
        NotFoundError: No such environment, or no such published build of it.
        ForbiddenError: The environment is retired.
    """
    transaction.now = now
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
    supersede_others(transaction, after, changes, now)
    return changes


def cancel(transaction: Transaction, build: BuildName, now: float) -> Changes:
    """A build in the making is not to be made; nothing happens to one that is not.

    Raises:
        NotFoundError: No such build.
        ForbiddenError: It was published, and is made again in its place, which people may use.
    """
    transaction.now = now
    changes = Changes()
    record = _require(transaction, build)
    if is_possible(record.state, Step.CANCEL):
        if record.generation:
            msg = f"{build} is damaged and made again in its place: that ends by itself, and cannot be cancelled"
            raise ForbiddenError(msg)
        step(transaction, record, Step.CANCEL, changes, next_try=0, finished=now)
    return changes


def delete(transaction: Transaction, build: BuildName, now: float) -> Changes:
    """A build is to go: it is no longer visible, its files are removed next. One in the making is cancelled.

    What others pinned its owner may delete, for it is her environment and her quota: their pins go with it. They hold
    against collections, which root or the daemon carries out.

    Raises:
        NotFoundError: No such build.
        ForbiddenError: It is current, or wanted, or pinned, or being made again.
    """
    transaction.now = now
    changes = Changes()
    record = _require(transaction, build)
    if record.state in ACTIVE_STATES:
        return changes if record.state is BuildState.DELETING else cancel(transaction, build, now)
    environment = transaction.environment(build.name)
    owner_uid = environment.owner_uid if environment else record.owner_uid
    pins = pins_of(transaction, build.digest)
    if binding := [pin.label for pin in pins if _is_binding(transaction, pin, owner_uid)]:
        links = ", ".join(f".pins/{label}" for label in binding)
        msg = f"{build} is pinned as {', '.join(binding)}: remove {links} first"
        raise ForbiddenError(msg)
    if environment and not environment.is_retired and digest_is_used(environment, build.digest):
        file = environment.file_name
        raise ForbiddenError(
            f"{build} is the current build of {build.name}: roll back to another one first, or remove {file!r}"
            if environment.current == build.digest
            else f"{build} is what {file!r} describes: write or remove that file instead"
        )
    if environment and environment.current == build.digest:
        transaction.put_environment(replace(environment, current=None, moved=now))
    for pin in pins:
        unpin(transaction, pin.label, now)
    step(transaction, record, Step.DELETE, changes)
    return changes


def _is_binding(transaction: Transaction, pin: PinRecord, owner_uid: int) -> bool:
    """Whether a pin keeps who asks from deleting: her own and root's keep the owner, and any pin keeps all others."""
    return transaction.author.uid != owner_uid or pin.owner_uid in (owner_uid, ROOT_UID)


def renew(transaction: Transaction, build: BuildName, now: float) -> Changes:
    """A published build is damaged and is to be made again, as the generation that it was; others are left as they are.

    While that is being done the name leads nowhere, if it led there, and it leads there again when it is done.

    Raises:
        NotFoundError: No such build.
        ForbiddenError: It never was published.
    """
    transaction.now = now
    changes = Changes()
    record = _require(transaction, build)
    if not record.generation:
        msg = f"{build} was never published: touch its file in .specs to have it tried again"
        raise ForbiddenError(msg)
    taken = Step.RENEW if is_possible(record.state, Step.RENEW) else Step.SUBMIT
    if not is_possible(record.state, taken):
        return changes
    fresh = BuildRecord(
        build,
        record.state,
        transaction.next_sequence(),
        generation=record.generation,
        submitted=now,
        owner_uid=record.owner_uid,
    )
    step(transaction, fresh, taken, changes)
    environment = transaction.environment(build.name)
    if environment and environment.current == build.digest:
        transaction.put_environment(replace(environment, current=None, moved=now))
    return changes


def digest_is_used(environment: EnvironmentRecord, digest: SpecDigest) -> bool:
    """Whether a name points at a build, or is to."""
    return digest in (environment.current, environment.wanted)


def restore(transaction: Transaction, digest: SpecDigest, now: float) -> BuildRecord | None:
    """A DELETING build was submitted again before any of its files went: published as it was, and current.

    Returns:
        The build; None when it is not that simple, and nothing has changed.
    """
    transaction.now = now
    record = transaction.build(digest)
    environment = transaction.environment(record.name) if record else None
    if record is None or environment is None or environment.wanted != digest or environment.is_retired:
        return None
    if not record.generation or not is_possible(record.state, Step.RESTORE):
        return None
    after = step(transaction, record, Step.RESTORE, Changes())
    transaction.put_environment(replace(environment, current=digest, moved=now))
    return after


def erase(transaction: Transaction, digest: SpecDigest, now: float) -> Changes:
    """The files of a DELETING build are gone: so is its record, unless it was submitted again meanwhile."""
    transaction.now = now
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
        forget_when_empty(transaction, record.name)
    return changes


def forget_when_empty(transaction: Transaction, name: EnvironmentName) -> None:
    """A retired name without builds is not remembered."""
    environment = transaction.environment(name)
    if environment and environment.is_retired and not transaction.has_builds(name):
        transaction.remove_environment(name)


def _require(transaction: Transaction, build: BuildName) -> BuildRecord:
    record = transaction.build(build.digest)
    if record is None or record.build != build:
        msg = f"there is no build {build}"
        raise NotFoundError(msg)
    return record
