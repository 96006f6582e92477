"""Working inside an environment: `activate` prints shell code, `run` becomes a command in it.

Both use the sealed prefix behind the name, so that what was started stays on the build it started from.
"""

import os
import shutil
import signal
import sys
from pathlib import Path
from typing import Annotated, NoReturn

from cyclopts import Parameter

from condafs.cli.parameters import MountOption, ReferenceArgument
from condafs.cli.shells import Shell, detect_shell
from condafs.cli.terminal import remarks
from condafs.client.envs import Envs
from condafs.client.mountpoint import find_mount
from condafs.errors import NotFoundError
from condafs.names import BuildName
from condafs.prefix.activation import read_variables, render_activation


def activate(name: ReferenceArgument, /, *, shell: Shell | None = None, mount: MountOption = None) -> None:
    """Print shell code that activates an environment: eval "$(condafs activate foo)".

    In fish: condafs activate foo | source. The shell stays on the build that is current now; activate again to move.
    End it with: deactivate

    Args:
        name: foo, foo@-1, foo@3f2a9c1d77e0 or the full name of a build.
        shell: For which shell; left out: the one that condafs was started from.
        mount: The mount that is meant.
    """
    prefix = Envs(find_mount(mount)).prefix(name)
    shell = shell or detect_shell()
    sys.stdout.write(_activation(prefix, shell) + "\n")
    if sys.stdout.isatty():
        line = f"condafs activate {name} | source" if shell == "fish" else f'eval "$(condafs activate {name})"'
        remarks().print(f"\nThis is for a shell to read. Type: {line}")


def run(
    name: ReferenceArgument,
    /,
    *command: Annotated[str, Parameter(allow_leading_hyphen=True)],
    mount: MountOption = None,
) -> NoReturn:
    """Run a command inside an environment.

    It stays on the build that is current now. condafs becomes the command: signals reach it, its exit code is ours.

    Args:
        name: foo, foo@-1, foo@3f2a9c1d77e0 or the full name of a build.
        command: The command and its arguments, after --. Left out: your shell.
        mount: The mount that is meant.
    """
    prefix = Envs(find_mount(mount)).prefix(name)
    words = command or (os.environ.get("SHELL") or "/bin/sh",)
    search = f"{prefix / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    if not shutil.which(words[0], path=search):
        msg = f"there is no command {words[0]!r} in {name} nor on PATH"
        raise CommandNotFoundError(msg)
    # activate.d scripts are shell code, so a shell has to run them; `exec` then puts the command in its place.
    bash = shutil.which("bash") if _has_scripts(prefix) else None
    shell, code = bash or "/bin/sh", _activation(prefix, "bash" if bash else "sh")
    # Python ignores these two, and what is ignored stays ignored across exec: `yes | head` would never end.
    for ignored in (signal.SIGPIPE, signal.SIGXFSZ):
        signal.signal(ignored, signal.SIG_DFL)
    os.execv(shell, [shell, "-c", f'{code}\nexec "$@"', "condafs run", *words])  # noqa: S606


class CommandNotFoundError(NotFoundError):
    """No such command inside the environment; the exit code is the one of shells."""

    exit_code = 127


def _has_scripts(prefix: Path) -> bool:
    """Conda packages write activate.d scripts for bash, though many run in any sh."""
    return any((prefix / "etc" / "conda" / "activate.d").glob("*.sh"))


def _activation(prefix: Path, shell: str) -> str:
    return render_activation(prefix, BuildName.parse(prefix.name).name, read_variables(prefix), shell)
