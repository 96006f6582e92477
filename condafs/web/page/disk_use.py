"""What environments take on the disk: sums over their published builds."""

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from condafs.catalog.reader import Snapshot
from condafs.catalog.records import BuildRecord, BuildState
from condafs.web.page.journal import Place

Order: TypeAlias = Literal["apparent", "unique"]

LARGEST = 20
"""So many have a bar of their own."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What the published builds of an environment, or of several, take.

    Attributes:
        apparent_bytes: Of all files, as if each build stood alone.
        unique_bytes: What they added to the disk beyond the shared package cache.
        builds: How many.
    """

    apparent_bytes: int = 0
    unique_bytes: int = 0
    builds: int = 0

    def __add__(self, other: "Usage") -> "Usage":
        return Usage(
            self.apparent_bytes + other.apparent_bytes,
            self.unique_bytes + other.unique_bytes,
            self.builds + other.builds,
        )


def _sum_by_name(builds: Iterable[BuildRecord]) -> dict[str, Usage]:
    sums: dict[str, Usage] = {}
    for record in builds:
        if record.state is BuildState.READY:
            own = Usage(record.size_bytes, record.own_bytes, 1)
            sums[record.name.text] = sums.get(record.name.text, Usage()) + own
    return sums


@dataclass(frozen=True, slots=True)
class Plot:
    """What the page shows.

    Attributes:
        largest: (name, its usage), the largest first.
        rest, rest_count: All others together, which has no bar: a sum of many would make all others short.
        total: Everything.
        scale_bytes: Length of the longest bar.
    """

    largest: list[tuple[str, Usage]]
    rest: Usage
    rest_count: int
    total: Usage
    scale_bytes: int


def plot_of(known: Mapping[str, Usage], by: Order) -> Plot:
    """The largest, and the rest in one."""

    def order(item: tuple[str, Usage]) -> tuple[int, str]:
        return (-(item[1].unique_bytes if by == "unique" else item[1].apparent_bytes), item[0])

    everything = sorted(known.items(), key=order)
    largest, others = everything[:LARGEST], everything[LARGEST:]
    rest = sum((usage for _, usage in others), Usage())
    total = sum((usage for _, usage in largest), rest)
    scale = max((usage.apparent_bytes for _, usage in largest), default=0)
    return Plot(largest, rest, len(others), total, scale)


class DiskUse:
    """Sums by environment, of which those are summed again that the journal tells something of."""

    def __init__(self) -> None:
        self._place = Place()
        self._lock = threading.Lock()
        self._known: dict[str, Usage] = {}
        self._plots: dict[Order, Plot] = {}

    def plot(self, snapshot: Snapshot, by: Order) -> Plot:
        """What the page shows. The first time, every build is read; later, those of names that are in the news."""
        with self._lock:
            if self._has_changed(snapshot):
                self._plots.clear()
            if by not in self._plots:
                self._plots[by] = plot_of(self._known, by)
            return self._plots[by]

    def _has_changed(self, snapshot: Snapshot) -> bool:
        news = self._place.news(snapshot)
        if news is None:
            self._known = _sum_by_name(snapshot.builds())
            return True
        changed = {event.name for event in news if event.name}
        for name in changed:
            self._known.pop(name.text, None)
            self._known.update(_sum_by_name(snapshot.builds_of(name)))
        return bool(changed)
