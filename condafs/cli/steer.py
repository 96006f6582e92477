"""What changes without a new file: `rollback` and `cancel`, each one step in the mount."""

from typing import Annotated

from cyclopts import Parameter

from condafs.cli.parameters import MountOption, NameArgument, complete_generations
from condafs.cli.terminal import remarks
from condafs.client.envs import Envs
from condafs.client.mountpoint import find_mount
from condafs.client.steering import cancel as cancel_build
from condafs.client.steering import roll_back


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
    roll_back(envs, wanted.build)
    remarks().print(f"{name} is at generation {wanted.number} now: {wanted.build}")


def cancel(name: NameArgument, /, *, mount: MountOption = None) -> None:
    """Stop the build that is queued, being made or waiting for its next try.

    The environment keeps its current build. `touch` the specification, or submit it again, to start over.

    Args:
        name: The environment.
        mount: The mount that is meant.
    """
    remarks().print(f"cancelled {cancel_build(Envs(find_mount(mount)), name)}")
