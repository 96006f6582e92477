"""Which build is next: in turns by name, and within a name the one that was submitted first. Pure.

A name keeps its place in the round when its build is replaced by a newer one, so that who writes a specification
again and again neither overtakes others nor falls behind them for ever. A name that has a build running already
comes after those that have none. Builds that are not due yet stand apart and join the end of the round when they are.
"""

import heapq
from collections.abc import Collection
from dataclasses import dataclass

from condafs.catalog.records import BuildRecord
from condafs.names import EnvironmentName, SpecDigest


@dataclass(frozen=True, slots=True, order=True)
class Entry:
    """A build that waits. `due`: Unix seconds before which it is not to be tried."""

    sequence: int
    due: float
    digest: SpecDigest
    name: EnvironmentName


class FairQueue:
    """Builds that wait. What it is asked for takes no longer when ten thousand do."""

    def __init__(self) -> None:
        self._round: dict[EnvironmentName, dict[SpecDigest, Entry]] = {}
        self._later: dict[SpecDigest, Entry] = {}
        self._by_due: list[
            tuple[float, Entry]
        ] = []  # a heap; entries that are not in `_later` any more count for nothing

    def __len__(self) -> int:
        return self.later_count + self.due_count

    @property
    def due_count(self) -> int:
        """Those that wait for their turn alone."""
        return sum(map(len, self._round.values()))

    @property
    def later_count(self) -> int:
        """Those that are not due yet."""
        return len(self._later)

    def put(self, record: BuildRecord) -> None:
        """Add a QUEUED or WAITING build, or what is new about it."""
        self.discard(record.digest, record.name)
        entry = Entry(record.sequence, record.next_try, record.digest, record.name)
        if entry.due:
            self._later[entry.digest] = entry
            heapq.heappush(self._by_due, (entry.due, entry))
        else:
            self._round.setdefault(entry.name, {})[entry.digest] = entry

    def discard(self, digest: SpecDigest, name: EnvironmentName) -> None:
        """A build does not wait any more; nothing happens when it did not."""
        self._later.pop(digest, None)
        self._round.get(name, {}).pop(digest, None)

    def take(
        self, now: float, busy_digests: Collection[SpecDigest], busy_names: Collection[EnvironmentName]
    ) -> Entry | None:
        """Remove and return the next one that is due; None when there is none.

        Args:
            now: Unix seconds.
            busy_digests: Builds that cannot begin now.
            busy_names: Names that have a build running; their turn comes when nobody else is due.
        """
        self._admit(now)
        best: Entry | None = None
        gone: list[EnvironmentName] = []
        for name, entries in self._round.items():
            if not entries:
                gone.append(name)  # it kept its place for a newer build, which did not come before its turn
                continue
            first = min((entry for entry in entries.values() if entry.digest not in busy_digests), default=None)
            if first is None:
                continue
            best = best if best and name in busy_names else first
            if name not in busy_names:
                break
        for name in gone:
            del self._round[name]
        return self._serve(best) if best else None

    def _serve(self, entry: Entry) -> Entry:
        entries = self._round.pop(entry.name)
        del entries[entry.digest]
        if entries:
            self._round[entry.name] = entries  # to the end of the round
        return entry

    def next_due(self, now: float) -> float | None:
        """When the first of those becomes due that are not yet; None when there are none."""
        self._admit(now)
        while self._by_due and not self._is_live(self._by_due[0][1]):
            heapq.heappop(self._by_due)
        return self._by_due[0][0] if self._by_due else None

    def _admit(self, now: float) -> None:
        """What is due joins the round."""
        while self._by_due and self._by_due[0][0] <= now:
            entry = heapq.heappop(self._by_due)[1]
            if self._is_live(entry):
                del self._later[entry.digest]
                self._round.setdefault(entry.name, {})[entry.digest] = entry

    def _is_live(self, entry: Entry) -> bool:
        return self._later.get(entry.digest) is entry
