"""A project's file is submitted when it changed, and noted down for the shells."""

import time
from dataclasses import dataclass, replace
from pathlib import Path

from condafs.client.envs import Envs
from condafs.client.mountpoint import find_mount
from condafs.client.status import Status
from condafs.errors import MachineError, UserError
from condafs.mirror.door import Door, read_whole
from condafs.names import EnvironmentName
from condafs.project.place import Project

_PAUSE_SECONDS = 0.03
_LONGEST_WAIT_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Prepared:
    """An environment that may be entered, if it has a prefix.

    Attributes:
        environment: `<mount>/<name>`; None when nothing is known of it.
        prefix: The sealed prefix to activate; None when there is none (yet).
        status: What the mount says of it.
        remark: What is to be told of the file, if anything.
        progress: What becomes of a build that is not ready, if there is one.
        error: Why what was asked for could not be done, if so.
    """

    environment: Path | None
    prefix: Path | None = None
    status: Status | None = None
    remark: str = ""
    progress: str = ""
    error: UserError | MachineError | None = None


def prepare_project(project: Project, chosen_mount: Path | None = None) -> Prepared:
    """Submit what changed. What is wrong is returned: the last build may be used all the same."""
    remark = ""
    error: UserError | MachineError | None = None
    mount: Path | None = None
    try:
        mount = find_mount(chosen_mount)
        remark = _hand_on(project, mount)
    except (UserError, MachineError) as problem:
        error = problem
    project.note_prefix()
    environment = project.environment
    status = _status(environment) if mount else None
    progress = "" if error else _progress(status)  # what was wanted before is of no interest then
    return Prepared(environment, project.prefix, status, remark, progress, error)


def prepare_name(name: str, chosen_mount: Path | None = None) -> Prepared:
    """An environment that somebody else takes care of. What is wrong is returned.

    Raises:
        InvalidNameError: No environment can have such a name.
    """
    place = EnvironmentName(name).text
    try:
        envs = Envs(find_mount(chosen_mount))
        status = envs.status(place)
    except (UserError, MachineError) as error:
        return Prepared(chosen_mount / place if chosen_mount else None, error=error)
    environment = envs.mount / place
    return Prepared(environment, _resolved(environment), status, progress=_progress(status))


def settle(project: Project | None, prepared: Prepared) -> Prepared:
    """Wait for a build that ends in the second in which it was submitted or begun, which many do.

    direnv counts times of modification in whole seconds: what such a build comes to would never be noticed afterwards.
    """
    environment, status = prepared.environment, prepared.status
    end = time.monotonic() + _LONGEST_WAIT_SECONDS
    while environment and status and status.is_active and time.monotonic() < end:
        if int(time.time()) > int(_last_event(environment)):
            break
        time.sleep(_PAUSE_SECONDS)
        status = _status(environment)
    if not environment or status == prepared.status:
        return prepared
    prefix = _resolved(environment) or prepared.prefix
    if project:
        project.note_prefix()
    return replace(prepared, prefix=prefix, status=status, progress=_progress(status))


def events_of(environment: Path) -> Path:
    """The journal of an environment, whose time is that of the last event."""
    return environment.parent / ".history" / environment.name / ".events"


def _last_event(environment: Path) -> float:
    """Unix seconds."""
    try:
        return events_of(environment).stat().st_mtime
    except OSError:
        return 0


def _resolved(environment: Path) -> Path | None:
    try:
        return environment.resolve(strict=True)
    except OSError:
        return None


def _hand_on(project: Project, mount: Path) -> str:
    """What is to be told."""
    envs = Envs(mount)
    door = Door(envs)
    try:
        mtime_ns, content = project.file.stat().st_mtime_ns, read_whole(project.file)
    except OSError as error:
        msg = f"{project.file} cannot be read: {error.strerror}"
        raise UserError(msg) from None
    try:
        taken = door.take(project.file, content, is_news=bool(project.has_changed()))
    except UserError as error:
        project.stamp(mtime_ns, str(error))
        raise
    if taken.build:
        project.note(mount, taken.build.name)
    project.stamp(mtime_ns)
    return taken.why_kept(project.file)


def _status(environment: Path | None) -> Status | None:
    try:
        return Envs(environment.parent).find_status(environment.name) if environment else None
    except OSError:
        return None


def _progress(status: Status | None) -> str:
    """What becomes of the environment, when it is not what its specification says."""
    if status is None or status.state == "ready":
        return ""
    current = status.current
    meanwhile = f"generation {current.generation} is used meanwhile" if current else "there is no build to use yet"
    if status.is_active:
        return f"{status.name} is {status.state}; {meanwhile}"
    if status.state not in {"failed", "cancelled"}:
        return ""
    reason = f": {status.last_error.message.splitlines()[0]}" if status.last_error and status.last_error.message else ""
    story = "its build failed" if status.state == "failed" else "its build was cancelled"
    stays = f"generation {current.generation} stays" if current else "there is no build to use"
    return f"{status.name}: {story}{reason}; {stays}. See: condafs logs {status.name}"
