"""`verify --repair`: what is damaged is mended in place, and what that does not mend is made again."""

from collections.abc import Sequence

from condafs.cli.problems import Result, print_problems, printable
from condafs.cli.terminal import output, remarks
from condafs.errors import CondafsError
from condafs.health.check import Advance
from condafs.health.repair import repair


def mend(results: Sequence[Result], *, is_quick: bool, is_shown: bool) -> None:
    """Mend every build that is damaged, one after the other; each result tells what became of it."""
    for result in results:
        if not result.report.is_sound:
            try:
                result.repair = repair(result.subject.prefix, is_quick=is_quick, advance=_no_bar)
            except (CondafsError, OSError) as error:
                result.note = str(error)
            if is_shown:
                _print_repair(result)


def _no_bar() -> Advance:
    return lambda *_: None


def _print_repair(result: Result) -> None:
    label, done = result.subject.label, result.repair
    if done:
        for path in done.removed:
            output().print(f"  removed    {printable(path)}")
        if done.after.is_sound:
            output().print(f"{label}: mended in place, it is what it was")
            return
        output().print(f"{label}: not everything can be mended in place")
        print_problems(done.after.problems)
        for reason in done.reasons:
            output().print(f"  {printable(reason)}")
    if result.note:
        remarks().print(f"{label}: {result.note}")
