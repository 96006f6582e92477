"""The document `.status/<name>` as values.

The mount writes it as YAML text; everything is optional to this reader, so that a newer daemon and an older command
line understand each other. The loader makes neither dates nor numbers of scalars, which keeps a name such as `3.10` a
name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import yaml

from condafs.wording import size_text

ACTIVE_STATES = frozenset({"queued", "building", "waiting"})
"""Stories that go on by themselves."""


@dataclass(frozen=True, slots=True)
class CurrentBuild:
    """The build that the name points at."""

    build: str
    digest: str
    generation: int
    published: str = ""
    size_bytes: int | None = None
    own_bytes: int | None = None
    package_count: int | None = None
    path: str = ""
    sandbox: str = ""

    @property
    def summary(self) -> str:
        """`generation 3, 41 packages, 512 MB`."""
        return f"generation {self.generation}, {self.package_count} packages, {size_text(self.size_bytes)}"


@dataclass(frozen=True, slots=True)
class BuildInTheMaking:
    """The build that is wanted and not ready: queued, building, waiting for its next try, or given up."""

    build: str
    digest: str
    state: str
    obstacle: str = ""
    phase: str = ""
    package: str = ""
    done: int = 0
    total: int = 0
    done_bytes: int = 0
    total_bytes: int = 0
    started: str = ""
    attempts: int = 0
    max_attempts: int = 0
    next_try: str = ""


@dataclass(frozen=True, slots=True)
class LastError:
    """Why the last try of a build failed."""

    build: str
    kind: str
    message: str
    at: str = ""
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Status:
    """One environment, as the mount describes it.

    Attributes:
        pins: Label -> build that it keeps.
        open_exports: Build -> how many of its exports somebody reads.
    """

    name: str
    state: str = "none"
    file: str = ""
    owner: str = ""
    current: CurrentBuild | None = None
    building: BuildInTheMaking | None = None
    last_error: LastError | None = None
    refused: Mapping[str, str] = field(default_factory=dict)
    pins: Mapping[str, str] = field(default_factory=dict)
    open_exports: Mapping[str, int] = field(default_factory=dict)
    generations: int = 0
    retired: bool = False

    @property
    def is_active(self) -> bool:
        """Whether something will happen by itself."""
        return self.state in ACTIVE_STATES

    @property
    def active_build(self) -> str:
        """Name of the build in the making, "" when there is none."""
        return self.building.build if self.building and self.building.state in ACTIVE_STATES else ""


def parse_status(text: str, name: str) -> Status:
    """Read the document; what is missing or of the wrong kind is as if it were not there."""
    try:
        document = yaml.load(text, Loader=getattr(yaml, "CBaseLoader", yaml.BaseLoader))  # noqa: S506 - strings only
    except yaml.YAMLError:
        document = None
    fields = _mapping(document)
    return Status(
        name=_text(fields, "name") or name,
        state=_text(fields, "state") or "none",
        file=_text(fields, "file"),
        owner=_text(fields, "owner"),
        current=_current(_mapping(fields.get("current"))),
        building=_building(_mapping(fields.get("building"))),
        last_error=_last_error(_mapping(fields.get("last_error"))),
        refused=_texts(_mapping(fields.get("refused"))),
        pins=_texts(_mapping(fields.get("pins"))),
        open_exports={build: int(count) for build, count in _texts(_mapping(fields.get("open_exports"))).items()},
        generations=_number(fields, "generations") or 0,
        retired=_text(fields, "retired") == "true",
    )


def _current(fields: Mapping[str, Any]) -> CurrentBuild | None:
    if not fields:
        return None
    build = _text(fields, "build")
    return CurrentBuild(
        build=build,
        digest=_text(fields, "digest") or build.partition("-")[0],
        generation=_number(fields, "generation") or 0,
        published=_text(fields, "published"),
        size_bytes=_number(fields, "size_bytes"),
        own_bytes=_number(fields, "own_bytes"),
        package_count=_number(fields, "package_count"),
        path=_text(fields, "path"),
        sandbox=_text(fields, "sandbox"),
    )


def _building(fields: Mapping[str, Any]) -> BuildInTheMaking | None:
    if not fields:
        return None
    build = _text(fields, "build")
    return BuildInTheMaking(
        build=build,
        digest=_text(fields, "digest") or build.partition("-")[0],
        state=_text(fields, "state") or "queued",
        obstacle=_text(fields, "obstacle"),
        phase=_text(fields, "phase"),
        package=_text(fields, "package"),
        done=_number(fields, "done") or 0,
        total=_number(fields, "total") or 0,
        done_bytes=_number(fields, "done_bytes") or 0,
        total_bytes=_number(fields, "total_bytes") or 0,
        started=_text(fields, "started"),
        attempts=_number(fields, "attempts") or 0,
        max_attempts=_number(fields, "max_attempts") or 0,
        next_try=_text(fields, "next_try"),
    )


def _last_error(fields: Mapping[str, Any]) -> LastError | None:
    if not fields:
        return None
    build, kind, message, at = (_text(fields, key) for key in ("build", "kind", "message", "at"))
    return LastError(build, kind, message.rstrip(), at, _number(fields, "attempts") or 0)


def _texts(fields: Mapping[str, Any]) -> dict[str, str]:
    return {_whole(str(key)): _whole(str(value)) for key, value in fields.items()}


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(fields: Mapping[str, Any], key: str) -> str:
    value = fields.get(key)
    return _whole(value) if isinstance(value, str) and value not in {"null", "~"} else ""


def _whole(text: str) -> str:
    """JSON writes some characters as two halves, which YAML keeps apart and no terminal can print."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _number(fields: Mapping[str, Any], key: str) -> int | None:
    value = _text(fields, key)
    return int(value) if value.isdecimal() else None
