"""What people do with pins, as functions of one write transaction.

A pinned build is not collected; who may delete it all the same says `changes.delete`. A pin is a link in `.pins`; its
label is the link's name. Whether somebody may remove it is the mount's to decide.
"""

from dataclasses import replace

from condafs.catalog.events import EventKind
from condafs.catalog.reader import Snapshot
from condafs.catalog.records import BuildState, PinRecord
from condafs.catalog.transaction import Transaction
from condafs.errors import ForbiddenError, NotFoundError
from condafs.names import SpecDigest


def pins_of(snapshot: Snapshot, digest: SpecDigest) -> list[PinRecord]:
    """The pins of a build."""
    return [pin for pin in snapshot.pins() if pin.digest == digest]


def pin(transaction: Transaction, record: PinRecord) -> None:
    """Keep a published build.

    Raises:
        NotFoundError: It is not published, or no more.
        ForbiddenError: That label is in use.
    """
    transaction.now = record.made
    build = transaction.build(record.digest)
    if build is None or build.state is not BuildState.READY:
        msg = f"there is no published build {record.digest.short} that could be pinned"
        raise NotFoundError(msg)
    if transaction.pin(record.label):
        msg = f"there is a pin {record.label} already"
        raise ForbiddenError(msg)
    transaction.put_pin(record)
    transaction.note(EventKind.PINNED, build.name, build.digest, generation=build.generation, detail=record.label)


def unpin(transaction: Transaction, label: str, now: float) -> None:
    """Let garbage collection decide about a build again.

    Raises:
        NotFoundError: No such pin.
    """
    transaction.now = now
    record = _require(transaction, label)
    transaction.remove_pin(label)
    if build := transaction.build(record.digest):
        transaction.note(EventKind.UNPINNED, build.name, build.digest, generation=build.generation, detail=label)


def rename(transaction: Transaction, label: str, new_label: str, now: float) -> None:
    """A pin gets another label, in place of the one that has it (`ln -sfn`).

    Raises:
        NotFoundError: No such pin.
    """
    record = _require(transaction, label)
    if label == new_label:
        return
    if transaction.pin(new_label):
        unpin(transaction, new_label, now)
    transaction.remove_pin(label)
    pin(transaction, replace(record, label=new_label, made=now))


def _require(transaction: Transaction, label: str) -> PinRecord:
    record = transaction.pin(label)
    if record is None:
        msg = f"there is no pin {label}"
        raise NotFoundError(msg)
    return record
