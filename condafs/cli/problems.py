"""What is wrong with builds, as people and programs read it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from rich.text import Text

from condafs.cli.terminal import output
from condafs.cli.verified import Subject
from condafs.health.check import Report
from condafs.health.problem import Damage, Problem
from condafs.health.repaired import Repair
from condafs.health.sharing import other_builds_of

SHOWN_PROBLEMS = 40
"""Of one build; a lost directory has thousands. --json tells all."""

_STYLES = {Damage.EXTRA: "yellow", Damage.TIME: "yellow", Damage.MODE: "yellow"}


@dataclass(slots=True)
class Result:
    """One build, what was found, and what became of it.

    Attributes:
        sharers: Other builds that damaged files are part of, as `foo@3f2a9c1d77e0`.
        repair: When it was tried.
        is_remade: Whether it was made again.
        note: Why it is not sound though a repair was tried.
    """

    subject: Subject
    report: Report
    sharers: frozenset[str] = frozenset()
    repair: Repair | None = None
    is_remade: bool = False
    note: str = ""

    @property
    def is_sound(self) -> bool:
        """Whether it is by now."""
        return self.report.is_sound or self.is_remade or bool(self.repair and self.repair.after.is_sound)

    def document(self) -> dict[str, Any]:
        """For programs."""
        report = self.report
        document: dict[str, Any] = {
            "build": self.subject.prefix.name,
            "reference": self.subject.label,
            "path": str(report.prefix),
            "sound": self.is_sound,
            "paths": report.file_count,
            "hashed_bytes": report.hashed_bytes,
            "unvouched_files": report.unvouched,
            "problems": list(map(_problem, report.problems)),
            "shared_with": sorted(self.sharers),
        }
        if self.repair:
            document |= {
                "remaining_problems": list(map(_problem, self.repair.after.problems)),
                "removed": [_text(path) for path in self.repair.removed],
                "remade": self.is_remade,
                "note": self.note,
            }
        return document


def _problem(problem: Problem) -> dict[str, str]:
    return {**asdict(problem), "path": _text(problem.path)}


def _text(path: str) -> str:
    return path.encode("utf-8", "replace").decode()


def find_sharers(report: Report) -> frozenset[str]:
    """Other builds that have the damaged files as well, not only such files."""
    return frozenset(f"{build.name}@{build.digest.short}" for build in other_builds_of(report))


def print_problems(problems: Sequence[Problem]) -> None:
    """A line each, as far as anybody reads."""
    for problem in problems[:SHOWN_PROBLEMS]:
        output().print(_line(problem))
    if (hidden := len(problems) - SHOWN_PROBLEMS) > 0:
        counts = Counter(problem.damage for problem in problems)
        told = ", ".join(f"{count} {damage}" for damage, count in counts.most_common())
        output().print(f"  and {hidden} more (--json lists all); altogether {told}")


def _line(problem: Problem) -> Text:
    style = _STYLES.get(problem.damage, "red")
    what = f" ({problem.package})" if problem.package else ""
    detail = f": {problem.detail}" if problem.detail else ""
    return Text.assemble("  ", (f"{problem.damage:<10} ", style), printable(problem.path), what, printable(detail))


def printable(text: str) -> str:
    """A text that does nothing to a terminal."""
    return text if text.isprintable() else ascii(text)[1:-1]
