"""Lists in pages: which environments and builds, in which order, without reading more of the catalog than is shown.

Functions of one snapshot; what filters or sorts by more than names has to look at everything, which takes about
ten microseconds a record, and is for a thread.
"""

import itertools
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from condafs.catalog.reader import Snapshot
from condafs.catalog.records import BuildRecord, BuildState, EnvironmentRecord
from condafs.names import EnvironmentName

T = TypeVar("T")

BUILD_SORTS: dict[str, Callable[[BuildRecord], tuple[float, str]]] = {
    "id": lambda record: (0, record.digest.hex),
    "scheduled_on": lambda record: (record.submitted, record.digest.hex),
    "started_on": lambda record: (record.started, record.digest.hex),
    "ended_on": lambda record: (record.finished, record.digest.hex),
}
"""What builds can be sorted by."""


@dataclass(frozen=True, slots=True)
class Window:
    """A page: `number` from 1, `size` items."""

    number: int
    size: int

    def cut(self, items: Iterable[T]) -> list[T]:
        """The items on it."""
        first = (self.number - 1) * self.size
        return list(itertools.islice(items, first, first + self.size))


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """The items of one page, and how many there are on all."""

    items: Sequence[T]
    count: int


@dataclass(frozen=True, slots=True)
class EnvironmentFilter:
    """Which environments.

    Attributes:
        search: Part of the name.
        name: The whole name.
        states: Of the build that is wanted; empty: all.
        with_retired: Whether those without a specification are among them.
        build_matches: Further condition on the current build; None: none.
        is_descending: Whether names go from z to a.
    """

    search: str = ""
    name: str = ""
    states: frozenset[BuildState] = frozenset()
    with_retired: bool = False
    build_matches: Callable[[BuildRecord], bool] | None = None
    is_descending: bool = False


class Names:
    """The names in use, remembered from question to question: reading ten thousand took longer than all the rest."""

    def __init__(self) -> None:
        self._version = -1
        self._names: Sequence[str] = ()

    def in_use(self, snapshot: Snapshot) -> Sequence[str]:
        """All that are not retired, by name."""
        if snapshot.version != self._version:
            self._names, self._version = list(snapshot.names_in_use()), snapshot.version
        return self._names


def list_environments(
    snapshot: Snapshot, wanted: EnvironmentFilter, window: Window, names_in_use: Names
) -> Found[tuple[EnvironmentRecord, BuildRecord | None]]:
    """Environments by name, each with the build that it wants."""
    names = _names(snapshot, wanted, names_in_use)
    if wanted.states or wanted.build_matches:
        names = [name for name in names if _matches(snapshot, name, wanted)]
    if wanted.is_descending:
        names = names[::-1]
    records = [record for name in window.cut(names) if (record := snapshot.environment(EnvironmentName(name)))]
    return Found([(record, snapshot.build(record.wanted)) for record in records], len(names))


def _names(snapshot: Snapshot, wanted: EnvironmentFilter, names_in_use: Names) -> Sequence[str]:
    """What can be told by names alone."""
    if wanted.name:
        record = snapshot.environment(EnvironmentName(wanted.name))
        return [wanted.name] if record and (wanted.with_retired or not record.is_retired) else []
    names = list(snapshot.environment_names()) if wanted.with_retired else names_in_use.in_use(snapshot)
    search = wanted.search.lower()
    return [name for name in names if search in name.lower()] if search else names


def _matches(snapshot: Snapshot, name: str, wanted: EnvironmentFilter) -> bool:
    """The rest, for which records have to be decoded."""
    record = snapshot.environment(EnvironmentName(name))
    if record is None or (wanted.states and not _is_in(snapshot.build(record.wanted), wanted.states)):
        return False
    return wanted.build_matches is None or _current_matches(snapshot, record, wanted.build_matches)


def _is_in(record: BuildRecord | None, states: frozenset[BuildState]) -> bool:
    return record is not None and record.state in states


def _current_matches(snapshot: Snapshot, record: EnvironmentRecord, condition: Callable[[BuildRecord], bool]) -> bool:
    current = snapshot.build(record.current) if record.current else None
    return current is not None and condition(current)


@dataclass(frozen=True, slots=True)
class BuildFilter:
    """Which builds.

    Attributes:
        name: Of the environment; "" for all.
        states: Empty: all but those that are being deleted.
        matches: Further condition; None: none.
        sort: Key of BUILD_SORTS.
        is_descending: Whether the largest comes first.
    """

    name: str = ""
    states: frozenset[BuildState] = frozenset()
    matches: Callable[[BuildRecord], bool] | None = None
    sort: str = "id"
    is_descending: bool = False


def list_builds(snapshot: Snapshot, wanted: BuildFilter, window: Window) -> Found[BuildRecord]:
    """Builds of one environment, or of all."""
    everything: Iterable[BuildRecord] = (
        snapshot.builds_of(EnvironmentName(wanted.name)) if wanted.name else snapshot.builds()
    )
    states = wanted.states or frozenset(BuildState) - {BuildState.DELETING}
    kept = [r for r in everything if r.state in states and (wanted.matches is None or wanted.matches(r))]
    kept.sort(key=BUILD_SORTS[wanted.sort], reverse=wanted.is_descending)
    return Found(window.cut(kept), len(kept))
