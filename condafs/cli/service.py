"""`install-service`, `uninstall-service`: condafs under systemd, for the whole machine or for one user."""

import importlib.util
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from condafs.cli.parameters import JsonOption
from condafs.cli.terminal import output, print_json, remarks
from condafs.config import load_settings
from condafs.errors import MachineError, UserError
from condafs.service import install, machine
from condafs.service.steps import Result, Step, take
from condafs.service.templates import SETTINGS_FILE, Values

Flag = Annotated[bool, Parameter(negative="")]
NoStart = Annotated[bool, Parameter(name="--no-start", negative="")]

_MARKS = {Result.DONE: "did", Result.UNCHANGED: "kept", Result.PLANNED: "would"}


def install_service(  # noqa: PLR0913 - each is an option
    *,
    user: Flag = False,
    mountpoint: Path | None = None,
    http: Flag = False,
    no_start: NoStart = False,
    dry_run: Flag = False,
    json: JsonOption = False,
) -> None:
    """Let systemd run condafs: for the whole machine, or for you alone.

    For the machine, as root: users, directories, units, settings in /etc/condafs.yaml; then it is enabled and started.
    Again after each upgrade of condafs; what is as it should be is left alone.

    Args:
        user: A service of your own, without root.
        mountpoint: Where to serve environments; else /envs, or ~/envs with --user, or where it is served already.
        http: Run the HTTP server, too.
        no_start: Put everything into place, but do not start it before the next start of the machine.
        dry_run: Only say what would be done.
        json: JSON for programs.
    """
    if user:
        machine.require_user_systemd()
        steps = install.steps_to_install_for_user(
            _values(mountpoint, Path.home() / "envs", None), _config_home(), is_started=not no_start
        )
    else:
        machine.require_root("install-service")
        machine.require_systemd()
        machine.require_reachable("install-service")
        machine.require_usable("install-service")
        if http and not importlib.util.find_spec("hypercorn"):
            msg = f"the HTTP server needs libraries: {sys.executable} -m pip install 'condafs[http]'"
            raise MachineError(msg)
        values = _values(mountpoint, install.installed_mountpoint() or Path("/envs"), SETTINGS_FILE)
        machine.require_visible(values.state, values.mountpoint)
        steps = install.steps_to_install(values, is_started=not no_start, has_http=http)
    _take(steps, is_dry=dry_run, is_json=json)
    if not (dry_run or json or no_start):
        place = mountpoint or (Path.home() / "envs" if user else install.installed_mountpoint())
        remarks().print(f"condafs serves {place}. See: systemctl {'--user ' if user else ''}status condafs")
        if not user:
            remarks().print("Who is to make environments joins the group condafs: usermod -aG condafs NAME")


def uninstall_service(
    *, user: Flag = False, purge: Flag = False, dry_run: Flag = False, json: JsonOption = False
) -> None:
    """Take away what install-service put there, and end it. Environments stay, unless --purge is given.

    Args:
        user: The service of your own.
        purge: Remove environments, tokens, settings and the service's users as well.
        dry_run: Only say what would be done.
        json: JSON for programs.
    """
    if user:
        if purge:
            msg = "what a service of your own made is in your home, and yours to remove: ~/.local/share/condafs"
            raise UserError(msg)
        machine.require_user_systemd()
        steps = install.steps_to_uninstall_for_user(_config_home())
    else:
        machine.require_root("uninstall-service")
        machine.require_systemd()
        state = (install.installed_state() or load_settings().state) if purge else None
        steps = install.steps_to_uninstall(state)
    _take(steps, is_dry=dry_run, is_json=json)


def _values(chosen: Path | None, usual: Path, config: Path | None) -> Values:
    return Values(
        mountpoint=Path(os.path.abspath((chosen or usual).expanduser())),  # noqa: PTH100 - what is mounted there may be dead
        state=load_settings().state,
        config=config or Path("/dev/null"),
        condafs=machine.own_command(),
        python=Path(sys.executable),
    )


def _config_home() -> Path:
    return Path(os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config")


def _take(steps: Sequence[Step], *, is_dry: bool, is_json: bool) -> None:
    taken = []
    for text, result in take(steps, is_dry=is_dry):
        taken.append({"step": text, "result": result.value})
        if not is_json and result is not Result.UNCHANGED:
            output().print(f"{_MARKS[result]}: {text}")
    if is_json:
        print_json(taken)
    elif all(step["result"] == Result.UNCHANGED for step in taken):
        output().print("Everything is as it should be.")
