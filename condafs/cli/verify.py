"""`verify`: whether builds are still as they were made, and mending those that are not."""

import gc
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from condafs.cli.parameters import JsonOption, MountOption, ReferenceArgument
from condafs.cli.problems import Result, find_sharers, print_problems
from condafs.cli.terminal import output, print_json, remarks
from condafs.cli.verified import find_subjects
from condafs.health.check import Advance, examine
from condafs.health.hashing import Hasher
from condafs.wording import seconds_text, size_text

SHOWN_BUILDS = 8
"""Of those that share damaged files; the interpreter's are part of all."""


def verify(
    *names: ReferenceArgument,
    quick: bool = False,
    repair: bool = False,
    json: JsonOption = False,
    state: Path | None = None,
    mount: MountOption = None,
) -> int:
    """Check that builds are still as they were made, to the last byte.

    Every file is hashed and compared with what the build wrote down when it was sealed, and with its packages' lists.
    Ends with 0 when all is sound (again), with 1 when something is damaged.

    Args:
        names: foo, foo@-1, foo@3f2a9c1d77e0, or the full name of a build. Left out: every build.
        quick: Compare sizes, times and modes only, and read no file.
        repair: Put damaged files back, in place, from the package cache or the channel; what does not belong there is
            removed. A build that this does not mend is made again under its name, from the packages it had.
        json: JSON for programs.
        state: Look into this state directory, whether it is mounted or not; then foo stands for all builds of foo.
        mount: The mount that is meant.
    """
    gc.disable()  # hundreds of thousands of small objects that all stay until a build is done
    subjects = find_subjects(names, mount, state)
    results: list[Result] = []
    with Hasher() as hasher, _bar(is_shown=not json and not quick) as bar:
        for subject in subjects:
            started = time.monotonic()
            report = examine(subject.prefix, hasher, is_quick=quick, advance=bar.about(subject.label)).report
            result = Result(subject, report, find_sharers(report))
            results.append(result)
            if not json:
                _print_report(result, time.monotonic() - started, is_quick=quick)
    if repair:
        from condafs.cli.mending import mend  # noqa: PLC0415 - it loads rattler

        mend(results, is_quick=quick, is_shown=not json)
    if json:
        print_json([result.document() for result in results])
    return _conclude(results, is_json=json, is_repair=repair)


def _print_report(result: Result, seconds: float, *, is_quick: bool) -> None:
    subject, report = result.subject, result.report
    verdict = Text("sound", "green") if report.is_sound else Text("damaged", "bold red")
    looked = f"{report.file_count} paths"
    looked += " by size, time and mode" if is_quick else f", {size_text(report.hashed_bytes)} hashed"
    output().print(Text.assemble(f"{subject.label}: ", verdict, f" ({looked}, {seconds_text(seconds)})"))
    print_problems(report.problems)
    if result.sharers:
        names = sorted(result.sharers)
        more = f" and {len(names) - SHOWN_BUILDS} more builds" if len(names) > SHOWN_BUILDS else ""
        output().print(f"  the same files are part of {', '.join(names[:SHOWN_BUILDS])}{more}")
    if report.unvouched:
        files = "1 file" if report.unvouched == 1 else f"{report.unvouched} files"
        output().print(f"  {files} could not be checked: nobody wrote down what is in them")


def _conclude(results: Sequence[Result], *, is_json: bool, is_repair: bool) -> int:
    damaged = [result for result in results if not result.is_sound]
    if is_json:
        return 1 if damaged else 0
    if not results:
        remarks().print("there is no build yet")
    elif len(results) > 1:
        remarks().print(f"{len(results)} builds, {len(damaged) or 'none'} damaged")
    looked_at = {result.subject.label for result in results}
    others = sorted({name for result in results for name in result.sharers} - looked_at)
    names = [*(result.subject.label for result in damaged if not is_repair), *others]
    if names:
        where = "" if results[0].subject.envs else f" --state {results[0].subject.state}"
        listed = " ".join(names) if len(names) <= SHOWN_BUILDS else "(all)"
        what = "These have damaged files, too" if is_repair else "Mend it" if len(names) == 1 else "Mend them"
        remarks().print(f"{what}: condafs verify --repair{where} {listed}".replace(" (all)", ""))
    return 1 if damaged else 0


class _Bar:
    """One bar for all builds; the total grows as they are looked at."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self._task = progress.add_task("", total=0)

    def about(self, label: str) -> Advance:
        """What is told from now on is about this build."""
        self._progress.update(self._task, description=label)

        def advance(done_bytes: int, more_bytes: int) -> None:
            total = (self._progress.tasks[self._task].total or 0) + more_bytes
            self._progress.update(self._task, total=total, advance=done_bytes)

        return advance


@contextmanager
def _bar(*, is_shown: bool) -> Iterator[_Bar]:
    console = remarks()
    columns = (TextColumn("{task.description}", markup=False), BarColumn(), DownloadColumn(), TimeRemainingColumn())
    with Progress(
        *columns, console=console, transient=True, disable=not (is_shown and console.is_terminal)
    ) as progress:
        yield _Bar(progress)
