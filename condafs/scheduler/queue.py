"""Which build is next: in turns by name, and within a name the one that was submitted first. Pure.

A name keeps its place in the round when its build is replaced by a newer one, so that who writes a specification
again and again neither overtakes others nor falls behind them for ever. A name that has a build running already
comes after those that have none.
"""

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
    """Builds that wait, by name. The order of names is the order of turns."""

    def __init__(self) -> None:
        self._names: dict[EnvironmentName, dict[SpecDigest, Entry]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._names.values()))

    def put(self, record: BuildRecord) -> None:
        """Add a QUEUED or WAITING build, or what is new about it."""
        entry = Entry(record.sequence, record.next_try, record.digest, record.name)
        self._names.setdefault(record.name, {})[record.digest] = entry

    def discard(self, digest: SpecDigest, name: EnvironmentName) -> None:
        """A build does not wait any more; nothing happens when it did not."""
        entries = self._names.get(name, {})
        entries.pop(digest, None)

    def take(
        self, now: float, busy_digests: Collection[SpecDigest], busy_names: Collection[EnvironmentName]
    ) -> Entry | None:
        """Remove and return the next one that is due; None when there is none.

        Args:
            now: Unix seconds.
            busy_digests: Builds that cannot begin now.
            busy_names: Names that have a build running; their turn comes when nobody else is due.
        """
        second_best: Entry | None = None
        for name in self._drop_empty():
            due = [e for e in self._names[name].values() if e.due <= now and e.digest not in busy_digests]
            if not due:
                continue
            first = min(due)
            if name not in busy_names:
                return self._serve(first)
            second_best = second_best or first
        return self._serve(second_best) if second_best else None

    def _serve(self, entry: Entry) -> Entry:
        entries = self._names.pop(entry.name)
        del entries[entry.digest]
        if entries:
            self._names[entry.name] = entries  # to the end of the round
        return entry

    def _drop_empty(self) -> list[EnvironmentName]:
        # Names stay while the builds they wait for are replaced; they go when they have none at their turn.
        for name in [name for name, entries in self._names.items() if not entries]:
            del self._names[name]
        return list(self._names)

    def next_due(self, now: float) -> float | None:
        """When the first of those becomes due that are not yet; None when there are none."""
        later = (e.due for entries in self._names.values() for e in entries.values() if e.due > now)
        return min(later, default=None)
