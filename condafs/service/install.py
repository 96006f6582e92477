"""The steps that put a service into place and take it away: of the machine, or of one user.

Taken again they change nothing; after an upgrade of condafs they bring everything up to date. What an administrator
wrote (settings, `systemctl edit`) stays.
"""

import re
from collections.abc import Iterator
from pathlib import Path

from condafs.errors import MachineError
from condafs.service.settings import with_service, without_service
from condafs.service.steps import Step, command, hand_over, remove, remove_empty, run, says, uid_of, write
from condafs.service.templates import (
    DIRECTORIES_FILE,
    SETTINGS_FILE,
    SYSTEM_DIRECTORY,
    SYSTEM_UNITS,
    USER_UNITS,
    USERS_FILE,
    Values,
    render,
    system_files,
    user_directory,
    user_files,
)

DAEMON = "condafs.service"
ENABLED = ("condafs-build.socket", DAEMON, "condafs-gc.timer", "condafs-gc.path")
HTTP = "condafs-http.service"
USERS = ("condafs", "condafs-build", "condafs-http")
OWN_DIRECTORIES = (Path("/var/lib/condafs-build"), Path("/var/lib/condafs-http"))
"""Beside the state directory."""

SOCKET_DIRECTORY = Path("/run/condafs-build")

_OWNERS = {
    "catalog": ("condafs", "condafs-http"),
    "specs": ("condafs", "condafs"),
    "logs": ("condafs", "condafs"),
    "exports": ("condafs", "condafs"),
    "locks": ("condafs", "condafs"),
    "builds": ("condafs-build", "condafs-build"),
    "packages": ("condafs-build", "condafs-build"),
}
"""Directories in the state directory -> user and group; see tmpfiles.conf, too."""

_PLACES = re.compile(r"^ExecStart=.* mount (\S+) --state (\S+) ", re.MULTILINE)


def steps_to_install(values: Values, *, is_started: bool, has_http: bool) -> list[Step]:
    """For the whole machine.

    Args:
        values: What differs from machine to machine.
        is_started: Whether it is to run now, and not only after the next start of the machine.
        has_http: Whether the HTTP server is to run as well.

    Raises:
        UserError: The settings file cannot be added to.
    """
    state = values.state
    text = SETTINGS_FILE.read_text(encoding="utf-8") if SETTINGS_FILE.exists() else render("condafs.yaml")
    units = (*ENABLED, HTTP) if has_http else ENABLED
    files = [write(path, content) for path, content in system_files(values).items()]
    files.append(write(SETTINGS_FILE, with_service(text, SETTINGS_FILE)))
    is_changed = any(step.is_needed() for step in files)  # now: once they are written it cannot be seen
    steps = [
        *_steps_to_leave(values.mountpoint),
        *files,
        command(f"make users: {', '.join(USERS)}", "systemd-sysusers", str(USERS_FILE), is_needed=_lacks_users),
        *(hand_over(state / name, user, group) for name, (user, group) in _OWNERS.items()),
        command(
            f"make the directories in {state}",
            "systemd-tmpfiles",
            "--create",
            str(DIRECTORIES_FILE),
            is_needed=lambda: is_changed or not all((state / name).is_dir() for name in _OWNERS),
        ),
        command("tell systemd", "systemctl", "daemon-reload", is_needed=lambda: is_changed),
    ]
    steps += [_enable(unit) for unit in units]
    if is_started:
        steps += [_start(unit, is_changed=is_changed) for unit in units]
    return steps


def _steps_to_leave(mountpoint: Path) -> list[Step]:
    """Unless the service is to stay where it is: afterwards nobody would know any more where it was."""
    old = installed_mountpoint()
    if old in (None, mountpoint):
        return []
    return [command(f"stop serving {old}", "systemctl", "stop", DAEMON), remove_empty(old)]


def _lacks_users() -> bool:
    return any(uid_of(user) is None for user in USERS)


def _enable(unit: str, *options: str) -> Step:
    return command(
        f"enable {unit}",
        "systemctl",
        *options,
        "enable",
        "--quiet",
        unit,
        is_needed=lambda: says("systemctl", *options, "is-enabled", unit) != "enabled",
    )


def _start(unit: str, *options: str, is_changed: bool) -> Step:
    """Have it run as it is now: started, or started again when it or condafs has changed since."""

    def is_needed() -> bool:
        if says("systemctl", *options, "is-active", unit) != "active" or is_changed:
            return True
        return unit.endswith(".service") and _began(unit, *options) < _installed()

    def act() -> None:
        says("systemctl", *options, "reset-failed", unit)  # what failed before is why it was mended
        try:
            run("systemctl", *options, "restart", unit)
        except MachineError as error:
            where = "--user-unit" if options else "--unit"
            said = says("journalctl", where, unit, "-n", "15", "-o", "cat")
            msg = f"{unit} does not start: {error}\n{said}"
            raise MachineError(msg) from None

    return Step(f"start {unit}", is_needed, act)


def _began(unit: str, *options: str) -> float:
    said = says("systemctl", *options, "show", "--timestamp=unix", "-P", "ExecMainStartTimestamp", unit)
    return float(said.removeprefix("@") or 0)


def _installed() -> float:
    """When this condafs was installed, or changed."""
    return max(path.stat().st_mtime for path in Path(__file__).parents[1].rglob("*.py"))


def steps_to_uninstall(purged_state: Path | None) -> list[Step]:
    """For the whole machine.

    Args:
        purged_state: The state directory, when environments, tokens, settings and users are to go, too.
    """
    mountpoint = installed_mountpoint()
    units = (HTTP, *reversed(ENABLED))
    files = [*(SYSTEM_DIRECTORY / unit for unit in SYSTEM_UNITS), USERS_FILE, DIRECTORIES_FILE]
    is_there = any(path.exists() for path in files)
    steps = [_stop(unit) for unit in units]
    steps.append(
        command(
            "end builders",
            "systemctl",
            "stop",
            "condafs-build@*.service",
            is_needed=lambda: says("systemctl", "list-units", "--plain", "--no-legend", "condafs-build@*") != "",
        )
    )
    steps += [remove(path) for path in files]
    steps += list(_settings_restored(is_purged=purged_state is not None))
    steps.append(command("tell systemd", "systemctl", "daemon-reload", is_needed=lambda: is_there))
    if purged_state:
        steps += [remove(path) for path in (*([purged_state] if _is_ours(purged_state) else []), *OWN_DIRECTORIES)]
        steps += [_remove_user(user) for user in USERS]
    return [*steps, *(remove_empty(directory) for directory in (SOCKET_DIRECTORY, mountpoint) if directory)]


def _is_ours(directory: Path) -> bool:
    """Whether it was the service's, and not that of a daemon that root started by hand."""
    return directory.is_dir() and directory.stat().st_uid == uid_of("condafs")


def _remove_user(user: str) -> Step:
    return command(f"remove the user {user}", "userdel", user, is_needed=lambda: uid_of(user) is not None)


def _stop(unit: str, *options: str) -> Step:
    return command(
        f"stop and disable {unit}",
        "systemctl",
        *options,
        "disable",
        "--now",
        "--quiet",
        unit,
        is_needed=lambda: says("systemctl", *options, "show", "-P", "LoadState", unit) == "loaded",
    )


def _settings_restored(*, is_purged: bool) -> Iterator[Step]:
    if not SETTINGS_FILE.exists():
        return
    bare = without_service(SETTINGS_FILE.read_text(encoding="utf-8"))
    yield remove(SETTINGS_FILE) if is_purged or bare == render("condafs.yaml") else write(SETTINGS_FILE, bare)


def installed_mountpoint() -> Path | None:
    """Where the service serves that is in place; None when there is none."""
    return _installed_places()[0]


def installed_state() -> Path | None:
    """Its state directory."""
    return _installed_places()[1]


def _installed_places() -> tuple[Path | None, Path | None]:
    unit = SYSTEM_DIRECTORY / DAEMON
    match = _PLACES.search(unit.read_text(encoding="utf-8")) if unit.exists() else None
    return (Path(match[1]), Path(match[2])) if match else (None, None)


def steps_to_install_for_user(values: Values, directory: Path, *, is_started: bool) -> list[Step]:
    """For one user, in whose name they are taken.

    Args:
        values: What differs from machine to machine.
        directory: `$XDG_CONFIG_HOME`.
        is_started: Whether it is to run now.
    """
    files = [write(path, text) for path, text in user_files(values, directory).items()]
    is_changed = any(file.is_needed() for file in files)
    mountpoint = values.mountpoint
    steps = [
        *files,
        Step(f"make {mountpoint}", lambda: not _is_there(mountpoint), lambda: mountpoint.mkdir(parents=True)),
        command("tell systemd", "systemctl", "--user", "daemon-reload", is_needed=lambda: is_changed),
        _enable(DAEMON, "--user"),
    ]
    return steps + ([_start(DAEMON, "--user", is_changed=is_changed)] if is_started else [])


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a dead mount
        return True


def steps_to_uninstall_for_user(directory: Path) -> list[Step]:
    """For one user.

    Args:
        directory: `$XDG_CONFIG_HOME`.
    """
    files = [user_directory(directory) / unit for unit in USER_UNITS]
    is_there = any(path.exists() for path in files)
    return [
        *(_stop(unit, "--user") for unit in USER_UNITS),
        *(remove(path) for path in files),
        command("tell systemd", "systemctl", "--user", "daemon-reload", is_needed=lambda: is_there),
    ]
