"""What changes without a new file: `rollback` and `cancel`, each one step in the mount."""

import os
import secrets
from typing import Annotated

from cyclopts import Parameter

from condafs.cli.envs import Envs, not_yours
from condafs.cli.mountpoint import find_mount
from condafs.cli.parameters import MountOption, NameArgument, complete_generations
from condafs.cli.terminal import remarks
from condafs.errors import ForbiddenError, NotFoundError


def rollback(
    name: NameArgument,
    generation: Annotated[str, Parameter(completer=complete_generations)] = "-1",
    /,
    *,
    mount: MountOption = None,
) -> None:
    """Let a name point at an earlier (or later) generation.

    It stays there until a specification is written again.

    Args:
        name: The environment.
        generation: A number from `condafs history`, -1 for the one before the current, or the beginning of a digest.
        mount: The mount that is meant.
    """
    envs = Envs(find_mount(mount))
    wanted = envs.generation(name, generation)
    if envs.current_build(name) == wanted.build:
        remarks().print(f"{name} is at generation {wanted.number} already")
        return
    status = envs.status(name)
    if status.retired:
        msg = f"{name} is retired, so there is no name to move: write its specification again first"
        raise ForbiddenError(msg)
    try:
        _replace_link(envs, name, f"{name}@{wanted.build.digest}")
    except PermissionError:
        raise not_yours(name, status.owner) from None
    remarks().print(f"{name} is at generation {wanted.number} now: {wanted.build}")


def _replace_link(envs: Envs, name: str, target: str) -> None:
    """As `ln -sfn` does it: a link under a temporary name, then one rename over the old one."""
    temporary = envs.mount / f"Cu{secrets.token_hex(3)}"
    os.symlink(target, temporary)  # noqa: PTH211 - the target is a text, not a path of this process
    try:
        temporary.replace(envs.mount / name)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def cancel(name: NameArgument, /, *, mount: MountOption = None) -> None:
    """Stop the build that is queued, being made or waiting for its next try.

    The environment keeps its current build. `touch` the specification, or submit it again, to start over.

    Args:
        name: The environment.
        mount: The mount that is meant.
    """
    envs = Envs(find_mount(mount))
    status = envs.status(name)
    if not status.active_build:
        msg = f"nothing is being built for {name}: it is {status.state}"
        raise NotFoundError(msg)
    log = envs.log(status.active_build)
    # Removing the log of a build in the making is how the mount is told to end it.
    try:
        log.unlink()
    except PermissionError:
        raise not_yours(name, status.owner) from None
    except FileNotFoundError:
        msg = f"the build of {name} ended just now. See: condafs status {name}"
        raise NotFoundError(msg) from None
    remarks().print(f"cancelled {status.active_build}")
