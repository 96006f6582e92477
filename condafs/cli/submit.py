"""Writing specifications into the mount: `build` and `update`."""

import time
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from condafs.cli.dated import set_exclude_newer
from condafs.cli.parameters import JsonOption, MountOption, NameArgument
from condafs.cli.terminal import print_json, remarks
from condafs.cli.waiting import watch
from condafs.client.envs import Envs
from condafs.client.mountpoint import find_mount
from condafs.client.status import Status
from condafs.client.submission import build_of, parse_or_refuse, replace_specification, write_specification
from condafs.client.verdict import Verdict, judge
from condafs.errors import CondafsError, NotFoundError, UserError
from condafs.names import BuildName

WaitOption = Annotated[
    bool, Parameter(negative="", help="Stay until it is ready or has failed, and show how far it is.")
]


def build(file: Path, /, *, wait: WaitOption = False, json: JsonOption = False, mount: MountOption = None) -> int:
    """Submit a specification: the same as copying the file into .specs of the mount.

    Args:
        file: An environment file (.yaml, .yml), a lock (.lock) or an @EXPLICIT list (.txt).
        wait: Stay until it is ready or has failed, and show how far it is.
        json: Print the status that it ends with as JSON.
        mount: The mount that is meant.
    """
    envs = Envs(find_mount(mount))
    try:
        content = file.read_bytes()
    except FileNotFoundError:
        msg = f"there is no file {file}"
        raise NotFoundError(msg) from None
    except OSError as error:
        msg = f"{file} cannot be read: {error.strerror}"
        raise UserError(msg) from None
    submitted = build_of(parse_or_refuse(content, file.name, str(file)))
    before = envs.find_status(submitted.name.text)
    write_specification(envs, file.name, content)
    return _report(envs, submitted, before, wait=wait, json=json)


def update(
    name: NameArgument, /, *, as_of: date | None = None, wait: WaitOption = False, mount: MountOption = None
) -> int:
    """Ask for the newest packages as of today.

    Writes the line `exclude-newer: 2026-11-22`, with today's date, into the specification; comments and layout stay.

    Args:
        name: The environment.
        as_of: Another day than today (UTC), YYYY-MM-DD.
        wait: Stay until it is ready or has failed, and show how far it is.
        mount: The mount that is meant.
    """
    envs = Envs(find_mount(mount))
    status = envs.status(name)
    if not status.file:
        msg = f"{name} is retired: it has no specification file that could be updated"
        raise NotFoundError(msg)
    path = envs.specs / status.file
    content = path.read_bytes()
    specification = parse_or_refuse(content, status.file, str(path))
    if specification.packages:
        msg = f"{status.file} names exact packages: an update would change nothing. Submit another lock instead"
        raise UserError(msg)
    day = (as_of or datetime.now(UTC).date()).isoformat()[:10]
    fresh = _dated(content, day)
    updated = parse_or_refuse(fresh, status.file, str(path))
    if replace(updated, exclude_newer=specification.exclude_newer) != specification:
        msg = f"cannot edit {path} safely: write the line `exclude-newer: {day}` into it yourself"
        raise UserError(msg)
    replace_specification(path, fresh)
    remarks().print(f"{path}: exclude-newer: {day}")
    return _report(envs, build_of(updated), status, wait=wait, json=False)


def _dated(content: bytes, day: str) -> bytes:
    encoding = "utf-16" if content[:2] in {b"\xff\xfe", b"\xfe\xff"} else "utf-8"
    try:
        return set_exclude_newer(content.decode(encoding), day).encode(encoding)
    except UnicodeError as error:
        msg = f"the specification is not {encoding}: {error}"
        raise UserError(msg) from None


def _report(envs: Envs, submitted: BuildName, before: Status | None, *, wait: bool, json: bool) -> int:
    begun = time.monotonic()
    verdict, status = _wait(envs, submitted, before) if wait else _look(envs, submitted)
    if json:
        print_json({"build": str(submitted), "verdict": verdict, "status": status and asdict(status)})
    if verdict is Verdict.READY and status:
        remarks().print(_praise(envs, status, time.monotonic() - begun))
    elif not wait:
        name = submitted.name
        remarks().print(f"submitted {submitted}. Watch it: condafs status {name}; condafs logs -f {name}")
    else:
        raise BuildFailedError(_lament(envs, submitted, verdict, status))
    return 0


def _look(envs: Envs, submitted: BuildName) -> tuple[Verdict | None, Status | None]:
    """A build that exists already is settled when the file is closed; any other has only begun."""
    status = envs.find_status(submitted.name.text)
    return (Verdict.READY if judge(status, submitted) is Verdict.READY else None), status


def _wait(envs: Envs, submitted: BuildName, before: Status | None) -> tuple[Verdict, Status | None]:
    try:
        return watch(envs, submitted, before)
    except KeyboardInterrupt:
        remarks().print(f"The build goes on. condafs status {submitted.name} shows it, condafs cancel ends it.")
        raise


class BuildFailedError(CondafsError):
    """The build that was waited for did not become ready."""


def _praise(envs: Envs, status: Status, seconds: float) -> str:
    facts = status.current.summary if status.current else ""
    return f"{status.name} is ready after {seconds:.1f} s: {facts} in {envs.mount / status.name}"


def _lament(envs: Envs, submitted: BuildName, verdict: Verdict | None, status: Status | None) -> str:
    name = submitted.name
    if verdict is Verdict.SUPERSEDED:
        return f"{submitted} was superseded: a newer specification of {name} came before its turn"
    if verdict is Verdict.LOST:
        return f"the mount did not take up {submitted}. See: condafs status; the daemon's log"
    if verdict is Verdict.CANCELLED:
        return f"{submitted} was cancelled"
    error, current = (status.last_error, status.current) if status else (None, None)
    reason = f"{error.kind}\n{error.message}" if error else "unknown"
    stays = f"\n{name} stays at generation {current.generation}." if current else ""
    return f"{submitted} failed: {reason}{stays}\nIts log: {envs.log(submitted)}"
