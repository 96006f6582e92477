"""`verify --repair`: what is damaged is mended in place, and what that does not mend is made again by the daemon."""

import time
from collections.abc import Sequence

from condafs.cli.problems import Result, print_problems, printable
from condafs.cli.terminal import output, remarks
from condafs.client.envs import Envs
from condafs.client.steering import renew
from condafs.errors import CondafsError
from condafs.health.check import Advance, examine
from condafs.health.hashing import Hasher
from condafs.health.repair import repair
from condafs.names import BuildName

_PAUSE_SECONDS = 0.2
_ENDS = frozenset({"published", "failed", "cancelled", "deleted", "superseded"})


def mend(results: Sequence[Result], *, is_quick: bool, is_shown: bool) -> None:
    """Mend every build that is damaged, one after the other; each result tells what became of it."""
    for result in results:
        if result.report.is_sound:
            continue
        try:
            result.repair = repair(result.subject.prefix, is_quick=is_quick, advance=_no_bar)
            if is_shown:
                _print_repair(result)
            if not result.repair.after.is_sound:
                _make_again(result, is_shown=is_shown)
        except (CondafsError, OSError) as error:
            result.note = str(error)
        if result.note and is_shown:
            remarks().print(f"{result.subject.label}: {result.note}")


def _no_bar() -> Advance:
    return lambda *_: None


def _print_repair(result: Result) -> None:
    label, done = result.subject.label, result.repair
    assert done  # noqa: S101 - just done
    for path in done.removed:
        output().print(f"  removed    {printable(path)}")
    if done.after.is_sound:
        output().print(f"{label}: mended in place, it is what it was")
        return
    output().print(f"{label}: not everything can be mended in place")
    print_problems(done.after.problems)
    for reason in done.reasons:
        output().print(f"  {printable(reason)}")


def _make_again(result: Result, *, is_shown: bool) -> None:
    """Ask the daemon, through the mount and as the user who asks; wait until it is done."""
    subject = result.subject
    if subject.envs is None:
        result.note = f"the daemon can make it again, where it is mounted: condafs verify --repair {subject.label}"
        return
    if is_shown:
        remarks().print(f"{subject.label}: it is made again, and its name leads nowhere meanwhile")
    known = _last_event(subject.envs, subject.build)
    renew(subject.envs, subject.build)
    kind, detail = _wait(subject.envs, subject.build, known)
    if kind != "published":
        log = subject.envs.log(subject.build)
        result.note = f"it was to be made again: {kind}{f', {detail}' if detail else ''}. Its log: {log}"
        return
    with Hasher() as hasher:
        report = examine(subject.prefix, hasher).report
    result.is_remade = report.is_sound
    if is_shown:
        output().print(f"{subject.label}: made again" if report.is_sound else f"{subject.label}: damaged again")
        print_problems(report.problems)


def _last_event(envs: Envs, build: BuildName) -> int:
    return max((event.number for event in envs.events(build.name.text)), default=0)


def _wait(envs: Envs, build: BuildName, known: int) -> tuple[str, str]:
    """How the making of a build ended that began after an event, and why it did not end well."""
    while True:
        for event in envs.events(build.name.text):
            if event.number > known and event.build == str(build) and event.kind in _ENDS:
                return event.kind, event.detail
        time.sleep(_PAUSE_SECONDS)
