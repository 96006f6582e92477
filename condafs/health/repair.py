"""Repairing one build in place: examined, mended, examined again, while nobody else mends it."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

from condafs.health.acting import run_as_owner
from condafs.health.check import Examination, Report, examine
from condafs.health.contents import Contents
from condafs.health.hashing import Hasher
from condafs.health.mend import Mender, only_mender
from condafs.health.packages import Packages
from condafs.health.problem import Damage, Problem
from condafs.health.repaired import Repair

_MOST_ROUNDS = 3
"""What is mended in one may show what else is damaged, or that something is not."""


def repair(examination: Examination, hasher: Hasher, *, is_quick: bool) -> Repair:
    """Mend what can be mended so that it is what it was, to the last byte.

    Args:
        examination: Of a sealed prefix in a state directory. If somebody mended that since, nothing is done twice.
        hasher: Has read the files.
        is_quick: Whether only what size, time and mode show is looked for.

    Raises:
        FileNotFoundError: It is gone.
        ForbiddenError: It is another user's.
    """
    prefix = examination.report.prefix

    def work(prefix_fd: int) -> str:
        with hasher.another() as own:
            return _encode(_repair(examination, prefix_fd, own, is_quick=is_quick))

    return _decode(prefix, run_as_owner(prefix, work))


def _encode(repair: Repair) -> str:
    document = asdict(repair)
    for report in (document["before"], document["after"]):
        del report["prefix"]
    return json.dumps(document)


def _decode(prefix: Path, text: str) -> Repair:
    """The inverse. Who acted as the owner may be misled by what it ran; it can say nothing but this."""
    document = json.loads(text)
    before, after = _report(prefix, document["before"]), _report(prefix, document["after"])
    return Repair(before, after, tuple(document["removed"]), tuple(document["reasons"]))


def _report(prefix: Path, document: dict[str, Any]) -> Report:
    problems = [Problem(**{**problem, "damage": Damage(problem["damage"])}) for problem in document.pop("problems")]
    return Report(prefix, tuple(problems), **document)


def _repair(first: Examination, prefix_fd: int, hasher: Hasher, *, is_quick: bool) -> Repair:
    prefix = first.report.prefix
    packages = prefix.parent.parent / "packages"
    removed: list[str] = []
    reasons: list[str] = []
    with only_mender(prefix_fd) as place, Packages(packages) as source:
        last = first
        for _ in range(_MOST_ROUNDS):
            contents = Contents(prefix, last.expected, source, packages / "bytecode")
            mender = Mender(place, last, contents)
            mender.mend()
            removed += mender.removed
            reasons = list(dict.fromkeys(contents.reasons))
            before, last = last, examine(prefix, hasher, is_quick=is_quick)
            if last.report.is_sound or last.report.problems == before.report.problems:
                break
    return Repair(first.report, last.report, tuple(removed), tuple(reasons))
