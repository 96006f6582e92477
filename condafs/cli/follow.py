"""`logs`: what builds printed."""

import sys
from collections.abc import Callable
from pathlib import Path
from time import sleep
from typing import Annotated, BinaryIO

from cyclopts import Parameter

from condafs.cli.parameters import MountOption, ReferenceArgument
from condafs.cli.terminal import remarks
from condafs.client.envs import Envs
from condafs.client.mountpoint import find_mount
from condafs.errors import NotFoundError
from condafs.names import BUILD, BuildName

_PAUSE_SECONDS = 0.2
"""Between two looks at a growing log: FUSE has no inotify for what the daemon's children write."""


def logs(
    name: ReferenceArgument | None = None,
    /,
    *,
    follow: Annotated[bool, Parameter(alias="-f", negative="")] = False,
    mount: MountOption = None,
) -> None:
    """Show the log of an environment's build.

    It is the log of the build in the making, else of the one that failed last, else of the current one.

    Args:
        name: foo, foo@3f2a9c1d77e0 or the full name of a build. Left out: the log that was written to last.
        follow: Go on until the build ends.
        mount: The mount that is meant.
    """
    envs = Envs(find_mount(mount))
    build = find_build(envs, name) if name else _last_written(envs)
    path = envs.log(build)
    remarks().print(f"log of {build}")
    try:
        stream = path.open("rb")
    except FileNotFoundError:
        msg = f"{build} has no log (any more)"
        raise NotFoundError(msg) from None
    with stream:
        _copy(stream, lambda: follow and _is_in_the_making(envs, build))


def find_build(envs: Envs, reference: str) -> BuildName:
    """The build whose log is meant by a name, a reference or a build's name."""
    if BUILD.fullmatch(reference):
        return BuildName.parse(reference)
    if "@" in reference:
        return BuildName.parse(envs.prefix(reference).name)
    status = envs.status(reference)
    error = status.last_error.build if status.last_error and status.state in {"failed", "waiting"} else ""
    wanted = status.building.build if status.building else ""
    current = status.current.build if status.current else ""
    for candidate in (status.active_build, error, wanted, current):
        if candidate:
            return BuildName.parse(candidate)
    msg = f"no build of {reference} has begun yet"
    raise NotFoundError(msg)


def _last_written(envs: Envs) -> BuildName:
    newest: tuple[float, Path] | None = None
    for path in (envs.mount / ".logs").glob("*.log"):
        written = path.stat().st_mtime
        if newest is None or written > newest[0]:
            newest = (written, path)
    if newest is None:
        msg = "there are no logs yet"
        raise NotFoundError(msg)
    return BuildName.parse(newest[1].name.removesuffix(".log"))


def _is_in_the_making(envs: Envs, build: BuildName) -> bool:
    status = envs.find_status(build.name.text)
    return bool(status and status.active_build == str(build))


def _copy(stream: BinaryIO, may_grow: Callable[[], bool]) -> None:
    """Write the stream to standard output up to its end, again and again as long as it may grow."""
    goes_on = True
    while goes_on:
        goes_on = may_grow()  # asked before the last read: what the build writes at its end is not lost
        while chunk := stream.read(1 << 16):
            sys.stdout.buffer.write(chunk)
        sys.stdout.buffer.flush()
        if goes_on:
            sleep(_PAUSE_SECONDS)
