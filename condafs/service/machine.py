"""What is there: systemd, condafs itself, and whether the service's users can reach it."""

import os
import stat
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import condafs
from condafs.errors import MachineError, UserError

HIDDEN = (Path("/home"), Path("/root"), Path("/run/user"), Path("/tmp"), Path("/var/tmp"))  # noqa: S108 - to be refused
"""Directories that are empty for the units: ProtectHome=, PrivateTmp= (systemd.exec(5))."""

NOBODY = 65534

BOOTED = Path("/run/systemd/system")  # sd_booted(3)
_EXAMPLE = "python3 -m venv /opt/condafs && /opt/condafs/bin/pip install condafs && /opt/condafs/bin/condafs"


def require_root(command: str) -> None:
    """UserError for everybody else.

    Args:
        command: What root would type after `condafs`.
    """
    if os.geteuid() != 0:
        msg = (
            f"services of the machine are root's: sudo {Path(sys.argv[0]).absolute()} {command}. "
            f"For one of your own, on ~/envs: condafs {command} --user"
        )
        raise UserError(msg)


def require_systemd(booted: Path = BOOTED) -> None:
    """MachineError where it does not run, which `booted` tells."""
    if not booted.is_dir():
        msg = (
            f"systemd does not run here (there is no {booted}): this is perhaps a container. "
            "Without it: condafs mount DIRECTORY --daemonize"
        )
        raise MachineError(msg)


def require_user_systemd() -> None:
    """MachineError where the user has none."""
    done = subprocess.run(["systemctl", "--user", "show-environment"], capture_output=True, text=True, check=False)  # noqa: S607 - wherever it is
    if done.returncode:
        msg = (
            f"your own systemd does not answer ({done.stderr.strip()}): log in as yourself rather than with su, or let "
            f"it run without a login: sudo loginctl enable-linger {os.environ.get('USER', '$USER')}"
        )
        raise MachineError(msg)


def require_reachable(command: str) -> None:
    """MachineError unless other users, inside of the units, can run this condafs.

    Args:
        command: What was typed after `condafs`.
    """
    for path in _parts():
        if reason := why_unreachable(path):
            msg = (
                f"condafs is installed where the service's users cannot go: {reason}. "
                f"Install it for everybody, and from there: {_EXAMPLE} {command}"
            )
            raise MachineError(msg)


def require_usable(command: str) -> None:
    """MachineError unless other users can run this condafs: it is tried, as a user who has nothing."""
    program = "import condafs.daemon, condafs.builder.solve"
    done = subprocess.run(  # noqa: S603 - our own interpreter
        [sys.executable, "-P", "-c", program],
        user=NOBODY,
        group=NOBODY,
        extra_groups=[],
        env={},
        cwd="/",
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        reason = done.stderr.strip().rpartition("\n")[2]
        msg = f"other users cannot run this condafs: {reason}. Install it for everybody: {_EXAMPLE} {command}"
        raise MachineError(msg)


def why_unreachable(path: Path, hidden: tuple[Path, ...] = HIDDEN) -> str:
    """Why other users cannot read a file or directory, through all links to it; "" when they can."""
    if place := _hidden_in(path, hidden):
        return f"{path} is in {place}, which its units do not see"
    real = path.resolve()
    for step in (path, *path.parents, real, *real.parents):
        wanted = stat.S_IXOTH if step.is_dir() else stat.S_IROTH
        if not step.stat().st_mode & wanted:
            return f"{step} is closed to other users (chmod o+rx would open it)"
    return ""


def require_visible(state: Path, mountpoint: Path) -> None:
    """UserError when the units could not see one of them."""
    for path, what in ((state, "state directory (setting state)"), (mountpoint, "mount point")):
        if place := _hidden_in(path, HIDDEN):
            msg = f"the {what} {path} is in {place}, which the service does not see: choose another place"
            raise UserError(msg)


def _hidden_in(path: Path, hidden: tuple[Path, ...]) -> Path | None:
    """Which of these directories something is in, by its name or through links."""
    real = path.resolve()
    return next((place for place in hidden if path.is_relative_to(place) or real.is_relative_to(place)), None)


def _parts() -> Iterator[Path]:
    """What is needed to run condafs."""
    yield Path(sys.executable)
    yield Path(condafs.__file__).parent
    for name in ("stdlib", "platlib", "purelib"):
        yield Path(sysconfig.get_path(name))


def own_command() -> str:
    """The words that run this condafs."""
    beside = Path(sys.executable).with_name("condafs")
    return str(beside) if beside.exists() else f"{sys.executable} -P -m condafs"
