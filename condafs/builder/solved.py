"""What is said about solving without building: one request in, one answer out, as JSON lines.

::

    {"specification": "{…}", "cache": "/var/cache/x", "default_channels": […], "channel_alias": "https://…",
     "memory_bytes": 0}

    {"packages": [{"name": "python", "version": "3.12.1", …}, …]}        sorted by name; all fields of SolvedPackage
    {"error": {"kind": "unsatisfiable", "message": "Cannot solve …"}}    as of a build that failed (`failure`)

Credentials in URLs are masked in answers: whoever asked may not be who configured the channels.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from condafs.builder.protocol import Failed, FailureKind


@dataclass(frozen=True, slots=True)
class SolveRequest:
    """All that a solver is told.

    Attributes:
        specification: Canonical JSON text (spec.canonical).
        cache: Absolute path of a directory for repodata; made when it is not there. Nothing else is written.
        default_channels: Used when the specification names none.
        channel_alias: URL that plain channel names are below.
        memory_bytes: See `BuildRequest`.
    """

    specification: str
    cache: str
    default_channels: tuple[str, ...]
    channel_alias: str
    memory_bytes: int = 0

    def encode(self) -> bytes:
        """One JSON line."""
        return json.dumps(asdict(self)).encode() + b"\n"

    @classmethod
    def decode(cls, line: bytes) -> "SolveRequest":
        """The inverse of `encode`; ValueError or TypeError when it is not a request."""
        document = json.loads(line)
        document["default_channels"] = tuple(document["default_channels"])
        return cls(**document)


@dataclass(frozen=True, slots=True)
class SolvedPackage:
    """One package that would be installed; of a lock's, only what its URL and sums tell is known.

    Attributes:
        channel: URL.
        subdir: As `linux-64` or `noarch`; "" when a lock's URL does not show it.
        url: Of the archive.
        sha256, md5: Hex digits, or "".
        size_bytes: Of the archive; 0 when nobody says.
        license: "" when nobody says.
        noarch: `python`, `generic`, or "".
        depends: Match specs, `__glibc >=2.17` and the like among them.
    """

    name: str
    version: str
    build: str
    build_number: int = 0
    channel: str = ""
    subdir: str = ""
    url: str = ""
    sha256: str = ""
    md5: str = ""
    size_bytes: int = 0
    license: str = ""
    noarch: str = ""
    depends: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Solution:
    """What a specification would install.

    Attributes:
        packages: Sorted by name.
        pip: Lines for pip as the specification has them: what they bring, nobody knows before they are installed.
    """

    packages: tuple[SolvedPackage, ...]
    pip: tuple[str, ...] = ()


Answer = tuple[SolvedPackage, ...] | Failed


def encode_packages(packages: Sequence[SolvedPackage]) -> bytes:
    """One JSON line."""
    return json.dumps({"packages": [asdict(package) for package in packages]}).encode() + b"\n"


def encode_failure(kind: FailureKind, message: str) -> bytes:
    """One JSON line."""
    return json.dumps({"error": {"kind": kind, "message": message}}).encode() + b"\n"


def decode_answer(line: bytes) -> Answer:
    """The inverse of both.

    Raises:
        ValueError: when it is not an answer.
    """
    document = json.loads(line)
    match document:
        case {"error": {"kind": str() as kind, "message": str() as message}}:
            return Failed(FailureKind(kind), message)
        case {"packages": [*packages]}:
            return tuple(map(_package, packages))
    msg = "neither packages nor an error"
    raise ValueError(msg)


def _package(document: dict[str, Any]) -> SolvedPackage:
    if not isinstance(document, dict) or document.keys() != _KINDS.keys():
        msg = "a package with other fields than packages have"
        raise ValueError(msg)
    values: dict[str, Any] = {
        name: tuple(value) if isinstance(value, list) else value for name, value in document.items()
    }
    wrong = [name for name, value in values.items() if type(value) is not _KINDS[name]]
    if wrong or not all(isinstance(text, str) for text in values["depends"]):
        msg = f"a package with other values than packages have: {', '.join(wrong) or 'depends'}"
        raise ValueError(msg)
    return SolvedPackage(**values)


_KINDS: dict[str, type] = {field.name: str for field in fields(SolvedPackage)} | {
    "build_number": int,
    "size_bytes": int,
    "depends": tuple,
}
