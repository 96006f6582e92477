"""What is remembered, as values; `schema` says how they are stored.

An environment *wants* the digest of the specification written last (or rolled back to) and has a *current*
generation; the name moves when the wanted build is published. A generation is a published build: numbered from 1
within its environment, one for each digest, never reused while the environment lives.
"""

from dataclasses import dataclass
from enum import StrEnum

from condafs.names import BuildName, EnvironmentName, SpecDigest


class BuildState(StrEnum):
    """Where a build is on its way; `transitions` has the table."""

    QUEUED = "queued"  # waits for a free builder
    BUILDING = "building"  # a builder process works on it
    WAITING = "waiting"  # failed for a passing reason; tried again at `next_try`
    READY = "ready"  # published: sealed, synced, a generation
    FAILED = "failed"  # for good, until somebody touches or rewrites the specification
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"  # a newer specification of the name came before its turn
    DELETING = "deleting"  # no longer visible; its files are being removed


ACTIVE_STATES = frozenset({BuildState.QUEUED, BuildState.BUILDING, BuildState.WAITING, BuildState.DELETING})
"""States that the daemon has work with; the queue table indexes exactly these."""


@dataclass(frozen=True, slots=True)
class BuildRecord:
    """One build, from its first submission to its deletion. Times are Unix seconds; 0 means never.

    Attributes:
        sequence: Rises with every submission in the catalog; queue order and "newer than".
        generation: Number within the environment, 0 before it is published.
        attempts: Tries begun since the record was last cleared.
        next_try: When a WAITING build is due.
        failure_kind, failure_message: Of the last try; "" when none failed since the record was cleared.
    """

    build: BuildName
    state: BuildState
    sequence: int
    generation: int = 0
    attempts: int = 0
    next_try: float = 0
    submitted: float = 0
    started: float = 0
    finished: float = 0
    failure_kind: str = ""
    failure_message: str = ""
    owner_uid: int = 0
    size_bytes: int = 0
    own_bytes: int = 0
    package_count: int = 0

    @property
    def name(self) -> EnvironmentName:
        """The environment that it is a build of."""
        return self.build.name

    @property
    def digest(self) -> SpecDigest:
        """The identity of its specification."""
        return self.build.digest


@dataclass(frozen=True, slots=True)
class EnvironmentRecord:
    """One environment name.

    Attributes:
        wanted: Digest that is to be current: the last written or rolled back to.
        current: Digest that `/envs/<name>` resolves to; None before the first success.
        last_generation: The highest number given so far.
        file_name: File in `.specs` that describes it; "" when retired.
        owner_uid: Who wrote that file.
        moved: Unix seconds when `current` last changed.
    """

    name: EnvironmentName
    wanted: SpecDigest
    current: SpecDigest | None = None
    last_generation: int = 0
    file_name: str = ""
    owner_uid: int = 0
    moved: float = 0

    @property
    def is_retired(self) -> bool:
        """Whether its specification file was removed: the name no longer resolves, its builds still do."""
        return not self.file_name

    @property
    def shown(self) -> SpecDigest | None:
        """What `/envs/<name>` leads to: nothing before the first success, nor while the environment is retired."""
        return None if self.is_retired else self.current


@dataclass(frozen=True, slots=True)
class UsageRecord:
    """What a user has, and did today.

    Attributes:
        uid: The user.
        environments: That are not retired.
        own_bytes: Of the published builds of all her environments, beyond the package cache.
        day: The last day on which she had builds begun: days since 1970-01-01, UTC.
        builds: How many on that day.
    """

    uid: int
    environments: int = 0
    own_bytes: int = 0
    day: int = 0
    builds: int = 0

    def builds_on(self, day: int) -> int:
        """How many builds were begun on a day, as far as that is remembered."""
        return self.builds if day == self.day else 0


@dataclass(frozen=True, slots=True)
class FileRecord:
    """What became of the content of one eligible file in `.specs`.

    Attributes:
        content_sha256: Of the bytes last submitted or refused; tells whether a crash came between write and intake.
        size_bytes, mtime_ns: Of the file then, to tell unchanged files at start without reading them.
        digest: What it described; None when it was refused or is only a note.
        refusal: The rendered error (`<file>.error`), "" when it was accepted.
    """

    file_name: str
    content_sha256: str
    size_bytes: int
    mtime_ns: int
    digest: SpecDigest | None = None
    name: EnvironmentName | None = None
    refusal: str = ""
