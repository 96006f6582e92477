"""What the daemon and a builder say to each other: a request in, a stream of events out, as JSON lines.

The request goes to the builder's standard input, the events come from its standard output, everything that people
read (solver explanations, post-link and pip output) goes to its standard error, which is the build's log. Nothing
else connects the two, so a sandbox can wrap the builder and another machine can run it.

The builder ends with exactly one `Succeeded` or `Failed`. Ending without one means that it was killed; whoever watches
over it may say how, by `Ended`. Before the request to build there may be others, to remove prefixes, each of which is
answered by one `Removed` or `Failed`.
"""

import json
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any


class Phase(StrEnum):
    """The steps of a build, in order; `FETCH` and `LINK` overlap."""

    SOLVE = "solve"
    FETCH = "fetch"
    LINK = "link"
    POST_LINK = "post-link"
    PIP = "pip"
    BYTECODE = "bytecode"
    SEAL = "seal"


class FailureKind(StrEnum):
    """Why a build failed; `TRANSIENT_KINDS` are worth another try."""

    NETWORK = "network"
    TIMEOUT = "timeout"
    LOCKED = "locked"
    KILLED = "killed"
    DISK_FULL = "disk-full"
    CACHE = "cache"
    UNSATISFIABLE = "unsatisfiable"
    BAD_SPEC = "bad-spec"
    CHANNEL = "channel"
    CHECKSUM = "checksum"
    POST_LINK = "post-link"
    PIP = "pip"
    PACKAGE = "package"
    SANDBOX = "sandbox"  # the level that the settings demand cannot be had on this machine
    INTERNAL = "internal"


TRANSIENT_KINDS = frozenset(
    {
        FailureKind.NETWORK,
        FailureKind.TIMEOUT,
        FailureKind.LOCKED,
        FailureKind.KILLED,
        FailureKind.DISK_FULL,  # somebody makes room, or garbage collection does
        FailureKind.CACHE,  # what is damaged was thrown away, and is fetched anew
    }
)


@dataclass(frozen=True, slots=True)
class BuildRequest:
    """All that a builder is told.

    Attributes:
        build: `<digest>-<name>`.
        specification: Canonical JSON text (spec.canonical).
        prefix: Absolute path that the environment is made at and keeps.
        packages: Absolute path of the shared package cache; repodata and bytecode caches are inside.
        default_channels: Used when the specification names none.
        channel_alias: URL that plain channel names are below.
        memory_bytes: Address-space-independent limit (RLIMIT_DATA) for the builder and its children; 0 for none.
        wall_seconds: The builder ends itself past this; the daemon kills it a little later. 0 for none.
        attempt: Number of this try, from 1.
        sandbox: The setting (cage.level).
        process_limit: Processes and threads of packages' programs at a time; 0 for none.
        file_bytes: The largest file that it and its children may write; 0 for none.
        lock: Text of a lock (rattler's) whose conda packages are to be installed, instead of what solving would find
            today; "" to solve. What it does not say, the specification does.
        is_shared: Whether other users than the builder's have environments made, too.
    """

    build: str
    specification: str
    prefix: str
    packages: str
    default_channels: tuple[str, ...] = ("conda-forge",)
    channel_alias: str = "https://conda.anaconda.org"
    memory_bytes: int = 0
    wall_seconds: float = 0
    attempt: int = 1
    sandbox: str = "auto"
    process_limit: int = 0
    file_bytes: int = 0
    lock: str = ""
    is_shared: bool = False

    def encode(self) -> bytes:
        """One JSON line."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def decode(cls, line: bytes) -> "BuildRequest":
        """The inverse of `encode`; ValueError or TypeError when it is not a request."""
        document = json.loads(line)
        document["default_channels"] = tuple(document["default_channels"])
        return cls(**document)


@dataclass(frozen=True, slots=True)
class RemoveRequest:
    """Remove a prefix, sealed, half made or what is left of one. Nothing needs to be there.

    Attributes:
        prefix: Absolute path.
    """

    prefix: str

    def encode(self) -> bytes:
        """One JSON line."""
        return json.dumps({"remove": self.prefix}).encode() + b"\n"


def decode_request(line: bytes) -> BuildRequest | RemoveRequest:
    """A request of either kind; ValueError, TypeError or KeyError when it is none."""
    document = json.loads(line)
    return RemoveRequest(document["remove"]) if "remove" in document else BuildRequest.decode(line)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a phase is: `done` of `total` packages (or pip lines, or files), `done_bytes` of `total_bytes`.

    `total` 0 means not known. `package` names what was worked on last, "" when nothing in particular.
    """

    phase: Phase
    package: str = ""
    done: int = 0
    total: int = 0
    done_bytes: int = 0
    total_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Succeeded:
    """A sealed, synced prefix stands at `request.prefix`.

    Attributes:
        size_bytes: Apparent size: the sum of all regular files.
        own_bytes: What this build added to the disk beyond the package cache.
        package_count: conda packages and pip distributions.
        file_count: Files and links in the inventory.
        lock_sha256: SHA-256 of conda-meta/condafs.lock.
        seconds: Phase -> wall seconds.
        sandbox: Level that it was built in.
    """

    size_bytes: int
    own_bytes: int
    package_count: int
    file_count: int
    lock_sha256: str
    seconds: dict[str, float] = field(default_factory=dict)
    sandbox: str = ""


@dataclass(frozen=True, slots=True)
class Failed:
    """No environment: `message` is for people (several lines, credentials masked), `kind` decides about retrying."""

    kind: FailureKind
    message: str
    phase: Phase | None = None


@dataclass(frozen=True, slots=True)
class Removed:
    """Nothing is left of a prefix."""


@dataclass(frozen=True, slots=True)
class Ended:
    """The builder is no more; said by who watched over it.

    Attributes:
        result: In systemd's words ($SERVICE_RESULT, systemd.exec(5)): `oom-kill`, `timeout`, `signal`, ...
        status: Its exit status, or the name of the signal, as `KILL`.
    """

    result: str
    status: str


Event = Progress | Succeeded | Failed | Removed | Ended
_EVENTS: dict[str, type[Event]] = {
    "progress": Progress,
    "succeeded": Succeeded,
    "failed": Failed,
    "removed": Removed,
    "ended": Ended,
}


def encode_event(event: Event) -> bytes:
    """One JSON line: the event's fields and its kind under `event`."""
    return json.dumps({"event": type(event).__name__.lower(), **asdict(event)}).encode() + b"\n"


def decode_event(line: bytes) -> Event:
    """The inverse of `encode_event`; ValueError, KeyError or TypeError when it is not an event."""
    document: dict[str, Any] = json.loads(line)
    kind = _EVENTS[document.pop("event")]
    if kind is not Succeeded and document.get("phase") is not None:
        document["phase"] = Phase(document["phase"])
    if kind is Failed:
        document["kind"] = FailureKind(document["kind"])
    return kind(**document)
