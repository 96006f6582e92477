"""Waiting for a build: what its status means, and how its progress looks.

The mount has no events to wait for, so its status is read again and again: often at first, because a build that exists
already is settled within milliseconds, and ten times a second then.
"""

import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from condafs.cli.report import progress_text
from condafs.cli.terminal import remarks
from condafs.client.envs import Envs
from condafs.client.status import BuildInTheMaking, Status
from condafs.client.verdict import Verdict, judge
from condafs.names import BuildName
from condafs.wording import size_text

_FIRST_PAUSE_SECONDS = 0.01
_LONGEST_PAUSE_SECONDS = 0.1
_STALE_SECONDS = 3
"""How long a verdict that stood there before the file was written may stay until it is believed to be the new one."""
_LOST_SECONDS = 30
"""How long a mount may take to mention a build at all; it is milliseconds unless the machine is in trouble."""


class Display(Protocol):
    """Something that shows a status while it changes."""

    def show(self, building: BuildInTheMaking) -> None:
        """Show it now."""


def watch(envs: Envs, build: BuildName, before: Status | None) -> tuple[Verdict, Status | None]:
    """Wait until a build that was just submitted is decided, and show its progress on standard error.

    Args:
        envs: The mount.
        build: What was submitted.
        before: The status before that; the same failure still standing there is not believed at once.

    Returns:
        The verdict and the status that gave it. SUPERSEDED as well when the name does not mention the build any more,
        LOST when it never did.
    """
    console = remarks()
    clock = time.monotonic
    last_change, pause, is_seen = clock(), _FIRST_PAUSE_SECONDS, False
    last: Status | None = before
    with _display(console, build) as display:
        while True:
            status = envs.find_status(build.name.text)
            if status != last:
                last, last_change = status, clock()
            is_settled = status != before or clock() - last_change > _STALE_SECONDS
            verdict = judge(status, build)
            if status and verdict and (is_settled or verdict is Verdict.READY):
                return verdict, status
            building = status.building if status else None
            if building and building.digest == build.digest.hex:
                is_seen = True
                display.show(building)
            elif clock() - last_change > (_STALE_SECONDS if is_seen else _LOST_SECONDS):
                return (Verdict.SUPERSEDED if is_seen else Verdict.LOST), status
            time.sleep(pause)
            pause = min(pause * 1.5, _LONGEST_PAUSE_SECONDS)


def _display(console: Console, build: BuildName) -> AbstractContextManager[Display]:
    return _bars(console, build) if console.is_terminal else _lines(console, build)


class _Lines:
    """One line a phase: for a log file, a pipe, a CI job."""

    def __init__(self, console: Console, build: BuildName) -> None:
        self._console = console
        self._name = build.name.text
        self._last: tuple[str, str, int, str] | None = None

    def show(self, building: BuildInTheMaking) -> None:
        """Print a line when state, phase, try or obstacle differ from the last."""
        what = (building.state, building.phase, building.attempts, building.obstacle)
        if what != self._last:
            self._last = what
            words = progress_text(building) if building.state != "queued" or building.obstacle else ""
            self._console.print(f"{self._name}: {building.state} {words}".rstrip())


@contextmanager
def _lines(console: Console, build: BuildName) -> Iterator[Display]:
    yield _Lines(console, build)


class _Bars:
    """A line a phase, each with its bar; the last one moves."""

    def __init__(self, progress: Progress, build: BuildName) -> None:
        self._progress = progress
        self._build = build
        self._tasks: dict[tuple[int, str], TaskID] = {}

    def show(self, building: BuildInTheMaking) -> None:
        """Move the bar of the phase; the earlier ones are full."""
        label = building.phase if building.state == "building" and building.phase else building.state
        key = (building.attempts, label)
        if key not in self._tasks:
            for task in self._tasks.values():
                self._finish(task)
            self._tasks[key] = self._progress.add_task(label, total=None, detail="", tries=_tries(building))
        total = building.total_bytes or building.total or None
        done = building.done_bytes if building.total_bytes else building.done
        self._progress.update(self._tasks[key], total=total, completed=done, detail=_detail(building))

    def _finish(self, task: TaskID) -> None:
        total = self._progress.tasks[task].total or 1
        self._progress.update(task, total=total, completed=total, detail="")
        self._progress.stop_task(task)


@contextmanager
def _bars(console: Console, build: BuildName) -> Iterator[Display]:
    columns = (
        TextColumn("  {task.description:<10}", style="bold", markup=False),
        BarColumn(bar_width=28),
        TextColumn("{task.fields[detail]}", markup=False),
        TextColumn("{task.fields[tries]}", style="yellow", markup=False),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as progress:
        yield _Bars(progress, build)


def _tries(building: BuildInTheMaking) -> str:
    return f"try {building.attempts} of {building.max_attempts}" if building.attempts > 1 else ""


def _detail(building: BuildInTheMaking) -> str:
    words = [f"{building.done}/{building.total}"] if building.total else []
    if building.total_bytes:
        words.append(f"{size_text(building.done_bytes)} of {size_text(building.total_bytes)}")
    if building.state == "waiting" or building.obstacle:
        words = [progress_text(building)]
    return " ".join([*words, building.package])
