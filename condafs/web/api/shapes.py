"""Records as the JSON that conda-store's clients read. Keys that those do not know are ours, and they ignore them."""

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import yaml

from condafs.catalog.events import EventRecord
from condafs.catalog.reader import Snapshot
from condafs.catalog.records import BuildRecord, BuildState, EnvironmentRecord
from condafs.prefix.contents import InstalledPackage
from condafs.spec.canonical import from_canonical
from condafs.spec.credentials import mask_credentials
from condafs.spec.specification import Specification
from condafs.web.ids import NAMESPACE, NAMESPACE_ID, build_id, environment_id
from condafs.web.users import user_name

STATUS = {
    BuildState.QUEUED: "QUEUED",
    BuildState.BUILDING: "BUILDING",
    BuildState.WAITING: "QUEUED",
    BuildState.READY: "COMPLETED",
    BuildState.FAILED: "FAILED",
    BuildState.CANCELLED: "CANCELED",
    BuildState.SUPERSEDED: "CANCELED",
    BuildState.DELETING: "CANCELED",
}
"""conda-store's words for the states of builds; it knows no waiting."""

ARTIFACTS = ("DIRECTORY", "LOCKFILE", "LOGS", "YAML", "CONDA_PACK", "DOCKER_MANIFEST")
"""What a published build can be had as; of others there are specification and log."""

EARLY_ARTIFACTS = ("LOGS", "YAML")
"""And any other build."""


_BREAKS = re.compile("[\x85\u2028\u2029]")


def time_of(seconds: float) -> str | None:
    """`2026-11-28T03:14:00.000000`, UTC; None for never."""
    return (
        datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
        if seconds
        else None
    )


def namespace() -> dict[str, Any]:
    """The one namespace."""
    return {"id": NAMESPACE_ID, "name": NAMESPACE, "metadata_": {}, "role_mappings": []}


def environment(record: EnvironmentRecord, wanted: BuildRecord | None) -> dict[str, Any]:
    """One environment, without its builds."""
    current = record.current or record.wanted
    return {
        "id": environment_id(record.name.text),
        "namespace": {"id": NAMESPACE_ID, "name": NAMESPACE},
        "name": record.name.text,
        "current_build_id": build_id(current),
        "current_build": None,
        "description": "",
        "current_digest": record.current.hex if record.current else None,
        "wanted_digest": record.wanted.hex,
        "state": wanted.state.value if wanted else "ready" if record.current else "none",
        "is_retired": record.is_retired,
        "generations": record.last_generation,
        "owner": user_name(record.owner_uid),
        "moved_on": time_of(record.moved),
    }


def build(record: BuildRecord) -> dict[str, Any]:
    """One build, without its specification."""
    kinds = ARTIFACTS if record.state is BuildState.READY else EARLY_ARTIFACTS
    number = build_id(record.digest)
    return {
        "id": number,
        "environment_id": environment_id(record.name.text),
        "specification": None,
        "packages": None,
        "status": STATUS[record.state],
        "status_info": _status_info(record),
        "size": record.size_bytes,
        "scheduled_on": time_of(record.submitted),
        "started_on": time_of(record.started),
        "ended_on": time_of(record.finished),
        "build_artifacts": [
            {"id": place, "artifact_type": kind, "key": f"{record.build}/{kind.lower()}"}
            for place, kind in enumerate(kinds, 1)
        ],
        "name": record.name.text,
        "digest": record.digest.hex,
        "state": record.state.value,
        "generation": record.generation,
        "attempts": record.attempts,
        "next_try_on": time_of(record.next_try),
        "own_size": record.own_bytes,
        "package_count": record.package_count,
        "owner": user_name(record.owner_uid),
    }


def _status_info(record: BuildRecord) -> str | None:
    if record.state is BuildState.SUPERSEDED:
        return "superseded by a newer specification"
    if record.failure_kind and record.state is not BuildState.READY:
        return mask_credentials(f"{record.failure_kind}: {record.failure_message}")
    return None


def build_in_full(snapshot: Snapshot, record: BuildRecord) -> dict[str, Any]:
    """One build with its specification."""
    shown = build(record)
    canonical = snapshot.specification(record.digest)
    if canonical is not None:
        shown["specification"] = {
            "id": shown["id"],
            "name": record.name.text,
            "spec": document_of(from_canonical(canonical)),
            "sha256": record.digest.hex,
            "created_on": shown["scheduled_on"],
        }
    return shown


def document_of(specification: Specification) -> dict[str, Any]:
    """A specification as the mapping that a conda environment file is; credentials are masked."""
    dependencies: list[Any] = [mask_credentials(text) for text in specification.dependencies]
    if specification.packages:
        dependencies = [mask_credentials(package.url) for package in specification.packages]
    if specification.pip:
        dependencies.append({"pip": [mask_credentials(line) for line in specification.pip]})
    shown: dict[str, Any] = {
        "name": specification.name.text,
        "channels": [mask_credentials(channel) for channel in specification.channels],
        "dependencies": dependencies,
        "variables": {name: mask_credentials(value) for name, value in specification.variables},
        "platforms": [specification.platform],
        "prefix": None,
    }
    if specification.exclude_newer:
        shown["exclude-newer"] = specification.exclude_newer
    return shown


def yaml_of(specification: Specification) -> str:
    """A specification as a file that can be submitted: YAML, or an `@EXPLICIT` list of exact packages."""
    if specification.packages:
        return "\n".join(["@EXPLICIT", *_explicit_lines(specification), ""])
    document = document_of(specification)
    kept = {key: value for key, value in document.items() if value or key == "dependencies"}
    text = yaml.safe_dump(kept, sort_keys=False, allow_unicode=True)
    # PyYAML writes these as they are, and YAML 1.1 reads them as ends of lines: escaped, they come back.
    return yaml.safe_dump(kept, sort_keys=False) if _BREAKS.search(text) else text


def _explicit_lines(specification: Specification) -> Iterator[str]:
    """Such a line has room for one sum, and the list for no packages of PyPI, which a lock may have asked for."""
    for item in specification.packages:
        total = item.sha256 or item.md5
        yield mask_credentials(item.url) + (f"#{total}" if total else "")
    for line in specification.pip:
        yield f"# for pip, not in this list but in the lock: {mask_credentials(line)}"


def package(item: InstalledPackage, place: int) -> dict[str, Any]:
    """One installed package."""
    channel = mask_credentials(item.channel)
    return {
        "id": place,
        "channel": {"id": place, "name": channel, "last_update": None},
        "build": item.build,
        "license": None,
        "sha256": None,
        "name": item.name,
        "version": item.version,
        "summary": None,
        "kind": item.kind,
        "size": item.size_bytes,
    }


def event_document(record: EventRecord) -> dict[str, Any]:
    """One event of the journal; who: a user, and the token when the server did it."""
    return {
        "number": record.number,
        "at": time_of(record.at),
        "kind": record.kind.value,
        "name": record.name.text if record.name else None,
        "digest": record.digest.hex if record.digest else None,
        "build_id": build_id(record.digest) if record.digest else None,
        "generation": record.generation,
        "attempts": record.attempts,
        "user": user_name(record.uid) if record.uid >= 0 else None,
        "behalf": record.behalf,
        "detail": mask_credentials(record.detail),
    }


def page_of(items: Sequence[Any], number: int, size: int, count: int) -> Mapping[str, Any]:
    """One page of a list."""
    return {"status": "ok", "data": items, "message": None, "page": number, "size": size, "count": count}
