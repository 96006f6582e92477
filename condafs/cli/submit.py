"""Writing specifications into the mount: `build` and `update`."""

import errno
import os
import secrets
import time
from dataclasses import asdict, replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from condafs.cli.dated import set_exclude_newer
from condafs.cli.envs import Envs, not_yours
from condafs.cli.mountpoint import find_mount
from condafs.cli.parameters import JsonOption, MountOption, NameArgument
from condafs.cli.status import Status
from condafs.cli.terminal import print_json, remarks, size_text
from condafs.cli.watch import Verdict, judge, watch
from condafs.config import machine_platform
from condafs.errors import CondafsError, NotFoundError, SpecificationError, UserError
from condafs.names import MAX_PREFIX_BYTES, BuildName, is_spec_file
from condafs.spec.canonical import digest_of
from condafs.spec.parse import parse
from condafs.spec.specification import Specification

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
    submitted = _build_of(_parse(content, file.name, str(file)))
    before = envs.find_status(submitted.name.text)
    _write(envs, file.name, content)
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
    specification = _parse(content, status.file, str(path))
    if specification.packages:
        msg = f"{status.file} names exact packages: an update would change nothing. Submit another lock instead"
        raise UserError(msg)
    day = (as_of or datetime.now(UTC).date()).isoformat()[:10]
    fresh = _dated(content, day)
    updated = _parse(fresh, status.file, str(path))
    if replace(updated, exclude_newer=specification.exclude_newer) != specification:
        msg = f"cannot edit {path} safely: write the line `exclude-newer: {day}` into it yourself"
        raise UserError(msg)
    _replace(path, fresh)
    remarks().print(f"{path}: exclude-newer: {day}")
    return _report(envs, _build_of(updated), status, wait=wait, json=False)


def _parse(content: bytes, file_name: str, shown_as: str) -> Specification:
    """Check it here, where the caret can point into the user's own file; the mount checks it again."""
    if not is_spec_file(file_name):
        msg = f"{file_name!r} is no specification: its name begins with a letter and ends in .yaml, .yml, .lock or .txt"
        raise UserError(msg)
    try:
        specification = parse(content, file_name, machine_platform(), MAX_PREFIX_BYTES)
    except SpecificationError as error:
        raise UserError(error.render(shown_as)) from None
    if specification is None:
        msg = f"{shown_as} describes no environment: it is blank, or a note"
        raise UserError(msg)
    return specification


def _build_of(specification: Specification) -> BuildName:
    return BuildName(digest_of(specification), specification.name)


def _write(envs: Envs, file_name: str, content: bytes) -> None:
    """As `cp` does it: the mount says no when the file is closed, and why in `<file>.error`."""
    path = envs.specs / file_name
    try:
        path.write_bytes(content)
    except OSError as error:
        raise _translated(error, path) from None


def _replace(path: Path, content: bytes) -> None:
    """A whole file or none: a temporary one that is no specification by its name, renamed over the old one."""
    owner = path.stat()
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(3)}")
    try:
        temporary.write_bytes(content)
        temporary.chmod(owner.st_mode & 0o7777)
        if os.geteuid() == 0:
            os.chown(temporary, owner.st_uid, owner.st_gid)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise _translated(error, path) from None


def _translated(error: OSError, path: Path) -> OSError | UserError:
    """What the mount said by an errno, in words, if it was about this file."""
    if isinstance(error, PermissionError):
        return not_yours(str(path), str(path.stat().st_uid)) if path.exists() else error
    return UserError(_refusal(path)) if error.errno in {errno.EINVAL, errno.EBADMSG} else error


def _refusal(path: Path) -> str:
    try:
        return path.with_name(f"{path.name}.error").read_text(errors="replace")
    except OSError:
        return f"{path}: the specification is refused"


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
    current = status.current
    facts = (
        [f"generation {current.generation}", f"{current.package_count} packages", size_text(current.size_bytes)]
        if current
        else []
    )
    return f"{status.name} is ready after {seconds:.1f} s: {', '.join(facts)} in {envs.mount / status.name}"


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
