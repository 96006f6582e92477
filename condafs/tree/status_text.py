"""The document `.status/<name>`: plain YAML that people and programs read.

Format (keys whose value is empty are left out)::

    name: foo
    state: building             # of the build that is wanted: ready, queued, building, waiting, failed, ...
    retired: false
    file: foo.yaml
    owner: 1000
    generations: 3
    current:                    # what /envs/foo points at
      build: <digest>-foo
      digest: <digest>
      generation: 3
      published: 2026-11-22T18:55:00+00:00
      size_bytes: 1000000
      own_bytes: 20000
      package_count: 40
      path: /var/lib/condafs/builds/<digest>-foo
      sandbox: bubblewrap       # what it was built in: none, landlock, bubblewrap, unit
    building:                   # the wanted build while it is not ready
      build: <digest>-foo
      digest: <digest>
      state: building
      obstacle: ...             # why nothing goes on for the moment, if so: the disk is full
      started: 2026-11-22T18:56:00+00:00
      attempts: 1
      max_attempts: 5
      next_try: 2026-11-22T18:57:00+00:00
      phase: link
      package: numpy
      done: 12
      total: 40
      done_bytes: 1000
      total_bytes: 40000
    last_error:                 # of the last try that failed
      build: <digest>-foo
      kind: network
      message: |
        ...
      at: 2026-11-22T18:56:30+00:00
      attempts: 1
    pins:                       # label -> build, of this environment
      paper-2026: <digest>-foo
    open_exports:               # build -> how many of its exports somebody has open
      <digest>-foo: 1
    refused:                    # as in foo.yaml.error
      foo.yaml: |
        ...
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

from condafs.builder.protocol import Progress
from condafs.catalog.records import BuildRecord, BuildState, EnvironmentRecord, FileRecord
from condafs.names import BuildName

Value: TypeAlias = "str | int | bool | Mapping[str, Value] | None"


@dataclass(frozen=True, slots=True)
class Limits:
    """What the text tells of the settings."""

    builds: Path
    attempts: int


@dataclass(frozen=True, slots=True)
class Story:
    """All that is known about one environment at one moment; `sandbox` is what its current build was made in."""

    environment: EnvironmentRecord
    current: BuildRecord | None = None
    wanted: BuildRecord | None = None
    progress: Progress | None = None
    obstacle: str = ""
    file: FileRecord | None = None
    generations: int = 0
    pins: Mapping[str, BuildName] = field(default_factory=dict)
    open_exports: Mapping[BuildName, int] = field(default_factory=dict)
    sandbox: str = ""


def describe(story: Story, limits: Limits) -> Mapping[str, Value]:
    """The document as values."""
    environment, file = story.environment, story.file
    return {
        "name": environment.name.text,
        "state": _state(story),
        "retired": environment.is_retired,
        "file": environment.file_name,
        "owner": environment.owner_uid,
        "generations": story.generations,
        "current": _current(story.current, story.sandbox, limits) if story.current else None,
        "building": _building(story, limits),
        "last_error": _last_error(story.wanted) if story.wanted else None,
        "pins": {label: str(build) for label, build in story.pins.items()} or None,
        "open_exports": {str(build): count for build, count in story.open_exports.items()} or None,
        "refused": {file.file_name: file.refusal} if file and file.refusal else None,
    }


def _state(story: Story) -> str:
    if story.wanted:
        return story.wanted.state.value
    return "ready" if story.current else "none"


def _current(record: BuildRecord, sandbox: str, limits: Limits) -> Mapping[str, Value]:
    return {
        "build": str(record.build),
        "digest": record.digest.hex,
        "generation": record.generation,
        "published": _time(record.finished),
        "size_bytes": record.size_bytes,
        "own_bytes": record.own_bytes,
        "package_count": record.package_count,
        "path": str(limits.builds / str(record.build)),
        "sandbox": sandbox,
    }


def _building(story: Story, limits: Limits) -> Mapping[str, Value] | None:
    record, progress = story.wanted, story.progress
    if record is None or record.state is BuildState.READY:
        return None
    values: dict[str, Value] = {
        "build": str(record.build),
        "digest": record.digest.hex,
        "state": record.state.value,
        "obstacle": story.obstacle,
        "started": _time(record.started),
        "attempts": record.attempts,
        "max_attempts": limits.attempts,
        "next_try": _time(record.next_try) if record.state is BuildState.WAITING else "",
    }
    if progress and record.state is BuildState.BUILDING:
        values |= {
            "phase": progress.phase.value,
            "package": progress.package,
            "done": progress.done,
            "total": progress.total,
            "done_bytes": progress.done_bytes,
            "total_bytes": progress.total_bytes,
        }
    return values


def _last_error(record: BuildRecord) -> Mapping[str, Value] | None:
    if not record.failure_message and not record.failure_kind:
        return None
    return {
        "build": str(record.build),
        "kind": record.failure_kind,
        "message": record.failure_message,
        "at": _time(record.finished),
        "attempts": record.attempts,
    }


def _time(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds") if seconds else ""


def render(values: Mapping[str, Value], indent: str = "") -> str:
    """YAML text of nested mappings. Strings are plain, quoted or, of several lines, literal blocks."""
    lines = []
    for key, value in values.items():
        label = key if _is_plain(key) else _quoted(key)
        if isinstance(value, Mapping):
            lines.append(f"{indent}{label}:\n{render(value, indent + '  ')}")
        elif value not in ("", None):
            lines.append(f"{indent}{label}: {_scalar(value, indent)}\n")
    return "".join(lines)


def _scalar(value: str | int | bool, indent: str) -> str:  # noqa: FBT001 - a value, not a switch
    if not isinstance(value, str):
        return json.dumps(value)
    lines = value.rstrip("\n").split("\n")
    if len(lines) > 1 and all(line.isprintable() for line in lines) and not lines[0].startswith(" ") and lines[0]:
        return "|\n" + "\n".join(f"{indent}  {line}" if line else "" for line in lines)
    return value if _is_plain(value) else _quoted(value)


def _quoted(text: str) -> str:
    """As JSON, but that YAML knows no surrogate pairs: characters without a glyph are escaped whole."""
    return "".join(c if c.isprintable() else f"\\U{ord(c):08x}" for c in json.dumps(text, ensure_ascii=False))


def _is_plain(text: str) -> bool:
    """Whether it means the same without quotes: a path, a word, a digest, a time; never `no`, `3.10` or `1e3`."""
    harmless = all(c.isascii() and (c.isalnum() or c in "/._+-:T@") for c in text)
    return harmless and text[:1].isalpha() and text.lower() not in _WORDS_OF_YAML and not text.endswith(":")


_WORDS_OF_YAML = frozenset({"null", "true", "false", "yes", "no", "on", "off", "y", "n"})
