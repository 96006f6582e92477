"""The journal's entries: what happened to an environment, when, by whom and on whose behalf.

The transaction writes them (`transaction`), from what a record was before and is now, so that nothing that changes can
forget to. A record says how things are; the journal how they came to be so, and it forgets the oldest (`schema`).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from condafs.catalog.records import BuildRecord, BuildState
from condafs.names import BuildName, EnvironmentName, SpecDigest

DETAIL_CHARACTERS = 200
"""A line on a page; the rest of an explanation is in the build's record and log."""


@dataclass(frozen=True, slots=True)
class Author:
    """Who did something.

    Attributes:
        uid: The user that the kernel knows; -1 is the daemon itself.
        behalf: For whom, as this user says; "" for nobody. It proves nothing: it is a note beside `uid`.
    """

    uid: int
    behalf: str = ""

    def __str__(self) -> str:
        return f"uid {self.uid} for {self.behalf}" if self.behalf else f"uid {self.uid}"


DAEMON = Author(-1)


class EventKind(StrEnum):
    """What can happen. Each is about a build but RETIRED and REFUSED."""

    SUBMITTED = "submitted"  # its specification was written, or touched so that it is tried again
    STARTED = "started"  # a try began
    PUBLISHED = "published"  # it is a generation from now on
    FAILED = "failed"
    WAITING = "waiting"  # a try failed, and another follows
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    INTERRUPTED = "interrupted"  # the daemon ended; it is tried again
    DELETED = "deleted"  # no longer visible; its files go next
    MOVED = "moved"  # the name leads to it: publication, submission of what was built already, roll-back
    RETIRED = "retired"  # the specification's file is gone
    REFUSED = "refused"  # a file was; `detail` is the file's name
    PINNED = "pinned"  # garbage collection is to leave it alone; `detail` is the pin's label
    UNPINNED = "unpinned"  # likewise


@dataclass(frozen=True, slots=True)
class EventRecord:
    """One entry.

    Attributes:
        number: Counts up from 1, without gaps.
        at: Unix seconds.
        name: The environment; None for a refused file that describes none.
        digest: With `name`, the build; None when it is about none.
        generation: Of that build, 0 before it is published.
        attempts: Tries of that build so far.
        detail: A line of text; which, depends on the kind: why it failed, the file's name.
    """

    number: int
    at: float
    kind: EventKind
    name: EnvironmentName | None
    digest: SpecDigest | None = None
    generation: int = 0
    attempts: int = 0
    uid: int = DAEMON.uid
    behalf: str = ""
    detail: str = ""

    @property
    def build(self) -> BuildName | None:
        """The build that it is about."""
        return BuildName(self.digest, self.name) if self.digest and self.name else None


_KINDS: Mapping[BuildState, EventKind] = {
    BuildState.QUEUED: EventKind.SUBMITTED,
    BuildState.BUILDING: EventKind.STARTED,
    BuildState.WAITING: EventKind.WAITING,
    BuildState.READY: EventKind.PUBLISHED,
    BuildState.FAILED: EventKind.FAILED,
    BuildState.CANCELLED: EventKind.CANCELLED,
    BuildState.SUPERSEDED: EventKind.SUPERSEDED,
    BuildState.DELETING: EventKind.DELETED,
}


def kind_of(before: BuildState | None, after: BuildState) -> EventKind | None:
    """What a change of a build's state is called; None for one that is no news.

    A build that is made again once its removal has ended was submitted meanwhile, which is told already.
    """
    if before is after or (before, after) == (BuildState.DELETING, BuildState.QUEUED):
        return None
    if (before, after) == (BuildState.BUILDING, BuildState.QUEUED):
        return EventKind.INTERRUPTED
    return _KINDS[after]


def detail_of(kind: EventKind, record: BuildRecord) -> str:
    """`network: no route to host` of a build that failed."""
    if kind not in (EventKind.FAILED, EventKind.WAITING):
        return ""
    first_line = record.failure_message.strip().partition("\n")[0]
    text = f"{record.failure_kind}: {first_line}" if first_line else record.failure_kind
    return text if len(text) <= DETAIL_CHARACTERS else text[: DETAIL_CHARACTERS - 1] + "…"
