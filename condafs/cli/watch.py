"""`watch`: mirror files elsewhere into the mount, in the foreground."""

import json as json_text
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated

import trio
from cyclopts import Parameter
from rich.text import Text

from condafs.cli.parameters import MountOption
from condafs.cli.terminal import output
from condafs.client.envs import Envs
from condafs.client.mountpoint import find_mount
from condafs.errors import UserError
from condafs.mirror.door import Door
from condafs.mirror.reports import Kind, Report
from condafs.mirror.survey import Selection
from condafs.mirror.watcher import Watcher
from condafs.names import is_spec_file

_STYLES = {
    Kind.READY: "green",
    Kind.FAILED: "bold red",
    Kind.REFUSED: "bold red",
    Kind.CANCELLED: "magenta",
    Kind.KEPT: "yellow",
    Kind.OFFLINE: "yellow",
    Kind.SLOW: "yellow",
    Kind.MISSING: "yellow",
    Kind.UNREADABLE: "yellow",
}

ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


def watch(
    *paths: Path,
    pattern: Annotated[tuple[str, ...], Parameter(negative="", consume_multiple=False)] = (),
    retire: Annotated[bool, Parameter(negative="")] = False,
    json: Annotated[bool, Parameter(name="--json", negative="")] = False,
    with_parent: Annotated[bool, Parameter(negative="", show=False)] = False,
    mount: MountOption = None,
) -> int:
    """Mirror specification files elsewhere into .specs as they change.

    Until it is interrupted (Ctrl-C). What changed while nobody watched is submitted first. The environment is called
    as the file's `name:` says, else as the file, or as its directory when it is an environment.yml. In directories, at
    any depth, YAML files with a line `dependencies:` are watched. A file that is removed leaves its environment alone.

    Args:
        paths: Files and directories; they need not exist yet.
        pattern: In directories, watch the files whose names match this instead ('*.lock'); may be given again.
        retire: Retire an environment when its file has been gone for three seconds.
        json: Print a line of JSON an event.
        with_parent: End when standard input does.
        mount: The mount that is meant.
    """
    if not paths:
        msg = "say what to watch: files or directories, as in: condafs watch ."
        raise UserError(msg)
    selection = Selection(tuple(dict.fromkeys(map(_checked, paths))), pattern)
    watcher = Watcher(selection, Door(Envs(find_mount(mount))), _print_json if json else _print, retires=retire)
    try:
        trio.run(_live, watcher, with_parent)
    except* BrokenPipeError:
        raise BrokenPipeError from None
    return 0


def _checked(path: Path) -> Path:
    """Absolute, without resolving links: those are followed as they change."""
    place = Path(os.path.abspath(path.expanduser()))  # noqa: PTH100 - see above
    if place.is_file() and not is_spec_file(place.name):
        msg = f"{path} is no specification: its name begins with a letter and ends in .yaml, .yml, .lock or .txt"
        raise UserError(msg)
    return place


async def _live(watcher: Watcher, with_parent: bool) -> None:  # noqa: FBT001 - trio.run passes positions only
    with trio.open_signal_receiver(*ENDING_SIGNALS) as signals:
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_end_at_signal, signals, nursery.cancel_scope)
            if with_parent:
                nursery.start_soon(_end_with_input, nursery.cancel_scope)
            nursery.start_soon(watcher.run)


async def _end_at_signal(signals: AsyncIterator[int], scope: trio.CancelScope) -> None:
    async for _ in signals:
        scope.cancel()


async def _end_with_input(scope: trio.CancelScope) -> None:
    async with trio.lowlevel.FdStream(os.dup(sys.stdin.fileno())) as stream:
        async for _ in stream:
            pass
    scope.cancel()


def _print(report: Report) -> None:
    name = f"{report.name}: " if report.name else ""
    output().print(Text.assemble((name, "bold"), (report.text, _STYLES.get(report.kind, ""))))
    sys.stdout.flush()


def _print_json(report: Report) -> None:
    sys.stdout.write(json_text.dumps(report.as_fields(), ensure_ascii=False) + "\n")
    sys.stdout.flush()
