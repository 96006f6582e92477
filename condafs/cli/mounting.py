"""`mount`: check what is needed, then become the daemon, here or in the background."""

import errno
import importlib
import os
import sys
from pathlib import Path
from typing import Annotated, cast

from cyclopts import Parameter

from condafs.cli.daemonize import start_in_background
from condafs.cli.requirements import Level, fuse_findings, group_findings, sharing_findings, state_findings
from condafs.cli.terminal import remarks
from condafs.client.mountpoint import is_answering, mounts_of_machine
from condafs.config import Settings, load_settings
from condafs.errors import MachineError, UserError
from condafs.journal import set_up_logging
from condafs.notify import has_descriptors


def mount(  # noqa: PLR0913 - each is an option
    mountpoint: Path,
    /,
    *,
    state: Path | None = None,
    config: Path | None = None,
    daemonize: Annotated[bool, Parameter(negative="")] = False,
    take_over: Annotated[bool, Parameter(negative="")] = False,
    verbose: Annotated[bool, Parameter(alias="-v", negative="")] = False,
) -> int:
    """Serve environments at a directory.

    Until it is interrupted (Ctrl-C) or unmounted (umount, fusermount3 -u).

    Args:
        mountpoint: An empty directory; it is made when its parent exists.
        state: Where builds are kept; else /var/lib/condafs for root, ~/.local/share/condafs for others.
        config: Settings file; else /etc/condafs.yaml for root, ~/.config/condafs.yaml for others, if it is there.
        take_over: Let the mount outlive this process, and take over what another one left. For services of systemd
            with a descriptor store and a runtime directory (the units of condafs have both).
        daemonize: Return as soon as the mount answers; go on in the background, with daemon.log in the state directory.
        verbose: Log debugging messages too.
    """
    settings = load_settings(config, state)
    place = _absolute(mountpoint)
    if not has_descriptors(os.environ, os.getpid()):  # else it is mounted; as nobody answers, a look at it would hang
        _require_machine(settings)
        _require_mountpoint(place, settings)
    if daemonize:
        command = [sys.executable, "-m", "condafs", "mount", str(place), "--state", str(settings.state)]
        command += ["--config", str(_absolute(config))] if config else []
        command += ["--verbose"] if verbose else []
        code = start_in_background(command, settings.state / "daemon.log")
        if code == 0:
            remarks().print(f"condafs serves {place}; its log is {settings.state / 'daemon.log'}")
        return code
    set_up_logging(sys.stderr, os.environ, is_verbose=verbose)
    # Late, because the mount's libraries need the FUSE that was just checked for; by name, because only here.
    daemon = importlib.import_module("condafs.daemon")
    return cast("int", daemon.run(place, settings, takes_over=take_over))


def _absolute(path: Path) -> Path:
    """Without resolving links: a dead mount cannot be resolved."""
    return Path(os.path.abspath(path.expanduser()))  # noqa: PTH100 - see above


def _require_machine(settings: Settings) -> None:
    is_root = os.geteuid() == 0
    findings = [
        *fuse_findings(is_root=is_root),
        *sharing_findings(is_root=is_root, allow_other=settings.allow_other),
        *group_findings(settings),
        *state_findings(settings),
    ]
    problems = [item for item in findings if item.level is Level.PROBLEM]
    if problems:
        lines = [f"{item.subject}: {item.message}.\n    What to do: {item.remedy}" for item in problems]
        raise MachineError("this machine is not ready for a mount.\n" + "\n".join(lines))


def _require_mountpoint(place: Path, settings: Settings) -> None:
    """Raise UserError unless the daemon can mount there; a dead mount of ours is its to clear away."""
    if place in mounts_of_machine():
        if is_answering(place):
            msg = f"condafs serves {place} already. End it with: fusermount3 -u {place} (or umount)"
            raise UserError(msg)
        return
    for inner, outer in ((place, settings.state), (settings.state, place)):
        if inner.is_relative_to(outer):
            msg = f"the mount {place} and the state directory {settings.state} must lie apart, not one in the other"
            raise UserError(msg)
    if entries := _entries(place):
        msg = f"{place} is not empty: {min(entries)!r} and whatever else is there would be hidden"
        raise UserError(msg)
    if os.geteuid() != 0 and not os.access(place, os.W_OK):
        msg = f"you may not mount at {place}: only its owner may"
        raise UserError(msg)


def _entries(place: Path) -> list[str]:
    """Names in the directory to mount at, which is made when only it is missing."""
    try:
        if not place.exists() and place.parent.is_dir():
            place.mkdir()
        return [entry.name for entry in place.iterdir()]
    except NotADirectoryError:
        msg = f"{place} is not a directory"
    except FileNotFoundError:
        msg = f"there is no directory {place}. Make it: mkdir -p {place}"
    except OSError as error:
        if error.errno != errno.ENOTCONN:
            raise
        msg = f"another dead FUSE mount is at {place}. Clear it: fusermount3 -uz {place}"
    raise UserError(msg)
