"""`verify`: whether builds are still as they were made, and mending those that are not."""

import gc
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn
from rich.text import Text

from condafs.cli.parameters import JsonOption, MountOption, ReferenceArgument
from condafs.cli.terminal import output, print_json, remarks
from condafs.cli.verified import Subject, find_subjects
from condafs.health.check import Advance, Report, examine
from condafs.health.hashing import Hasher
from condafs.health.problem import Damage, Problem
from condafs.wording import seconds_text, size_text

SHOWN_PROBLEMS = 40
"""Of one build; a lost directory has thousands. --json tells all."""

_STYLES = {Damage.EXTRA: "yellow", Damage.TIME: "yellow", Damage.MODE: "yellow"}


def verify(
    *names: ReferenceArgument,
    quick: bool = False,
    json: JsonOption = False,
    state: Path | None = None,
    mount: MountOption = None,
) -> int:
    """Check that builds are still as they were made, to the last byte.

    Every file is hashed and compared with what the build wrote down when it was sealed, and with its packages' lists.
    Ends with 0 when all is sound, with 1 when something is damaged.

    Args:
        names: foo, foo@-1, foo@3f2a9c1d77e0, or the full name of a build. Left out: every build.
        quick: Compare sizes, times and modes only, and read no file.
        json: JSON for programs.
        state: Look into this state directory, whether it is mounted or not; then foo stands for all builds of foo.
        mount: The mount that is meant.
    """
    gc.disable()  # hundreds of thousands of small objects that all stay until a build is done
    subjects = find_subjects(names, mount, state)
    reports: list[tuple[Subject, Report]] = []
    with Hasher() as hasher, _bar(is_shown=not json and not quick) as bar:
        for subject in subjects:
            started = time.monotonic()
            report = examine(subject.prefix, hasher, is_quick=quick, advance=bar.about(subject.label)).report
            reports.append((subject, report))
            if not json:
                _print_report(subject, report, time.monotonic() - started, is_quick=quick)
    if json:
        print_json([_document(subject, report) for subject, report in reports])
    return _conclude(reports, is_json=json)


def _print_report(subject: Subject, report: Report, seconds: float, *, is_quick: bool) -> None:
    verdict = Text("sound", "green") if report.is_sound else Text("damaged", "bold red")
    looked = f"{report.file_count} paths"
    looked += " by size, time and mode" if is_quick else f", {size_text(report.hashed_bytes)} hashed"
    output().print(Text.assemble(f"{subject.label}: ", verdict, f" ({looked}, {seconds_text(seconds)})"))
    for problem in report.problems[:SHOWN_PROBLEMS]:
        output().print(_line(problem))
    if (hidden := len(report.problems) - SHOWN_PROBLEMS) > 0:
        counts = Counter(problem.damage for problem in report.problems)
        told = ", ".join(f"{count} {damage}" for damage, count in counts.most_common())
        output().print(f"  and {hidden} more (--json lists all); altogether {told}")
    if report.unvouched:
        files = "1 file" if report.unvouched == 1 else f"{report.unvouched} files"
        output().print(f"  {files} could not be checked: nobody wrote down what is in them")


def _line(problem: Problem) -> Text:
    style = _STYLES.get(problem.damage, "red")
    what = f" ({problem.package})" if problem.package else ""
    detail = f": {problem.detail}" if problem.detail else ""
    return Text.assemble("  ", (f"{problem.damage:<10} ", style), _printable(problem.path), what, detail)


def _printable(path: str) -> str:
    return path.encode("utf-8", "replace").decode() if path.isprintable() else ascii(path)[1:-1]


def _document(subject: Subject, report: Report) -> dict[str, Any]:
    return {
        "build": subject.prefix.name,
        "reference": subject.label,
        "path": str(report.prefix),
        "sound": report.is_sound,
        "paths": report.file_count,
        "hashed_bytes": report.hashed_bytes,
        "unvouched_files": report.unvouched,
        "problems": [
            {**asdict(problem), "path": problem.path.encode("utf-8", "replace").decode()} for problem in report.problems
        ],
    }


def _conclude(reports: Sequence[tuple[Subject, Report]], *, is_json: bool) -> int:
    damaged = [subject for subject, report in reports if not report.is_sound]
    if is_json:
        return 1 if damaged else 0
    if not reports:
        remarks().print("there is no build yet")
    elif len(reports) > 1:
        remarks().print(f"{len(reports)} builds, {len(damaged) or 'none'} damaged")
    if damaged:
        labels = " ".join(subject.label for subject in damaged[:8])
        remarks().print(f"Mend {'it' if len(damaged) == 1 else 'them'}: condafs verify --repair {labels}")
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
