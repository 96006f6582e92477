"""What was measured against what is promised, as values, a table and JSON."""

import json
import statistics
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Result:
    """One promise.

    Attributes:
        name: What is promised, in a few words.
        measured: In `unit`; smaller is better.
        bound: The most that it may be.
        unit: "x" for a ratio.
        detail: The figures behind it.
    """

    name: str
    measured: float
    bound: float
    unit: str
    detail: str = ""

    @property
    def is_kept(self) -> bool:
        """Whether the promise holds in this run."""
        return self.measured <= self.bound


def median(values: Sequence[float]) -> float:
    """The middle of at least one value."""
    return statistics.median(values)


def percentile(values: Sequence[float], percent: float) -> float:
    """The smallest value that at least `percent` of all values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(len(ordered) * percent / 100))]


def spread(values: Sequence[float]) -> str:
    """`1.23 s (1.20-1.31, n=5)`: the median, the extremes, how many."""
    return f"{median(values):.3g} s ({min(values):.3g}-{max(values):.3g}, n={len(values)})"


def format_table(results: Iterable[Result]) -> str:
    """One line a promise, the figures behind it on the line below."""
    lines = []
    for result in results:
        verdict = "PASS" if result.is_kept else "MISS"
        figures = f"{result.measured:>9.3g} {result.unit:<3} (at most {result.bound:g})"
        lines.append(f"{verdict}  {result.name:<58} {figures}")
        if result.detail:
            lines.append(f"      {result.detail}")
    return "\n".join(lines)


def format_json(results: Iterable[Result]) -> str:
    """A list of objects: the fields of `Result`, and `is_kept`."""
    return json.dumps([{**asdict(result), "is_kept": result.is_kept} for result in results], indent=2)
