"""What became of a build that was to be repaired, as a value."""

from dataclasses import dataclass

from condafs.health.check import Report
from condafs.health.problem import Problem


@dataclass(frozen=True, slots=True)
class Repair:
    """What became of a build.

    Attributes:
        before, after: What was wrong with it, and what still is.
        removed: Paths that nobody had put there.
        reasons: Why something could not be had.
    """

    before: Report
    after: Report
    removed: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()

    @property
    def mended(self) -> tuple[Problem, ...]:
        """What was wrong and is not any more."""
        rest = {(problem.path, problem.damage) for problem in self.after.problems}
        return tuple(problem for problem in self.before.problems if (problem.path, problem.damage) not in rest)
