"""The timeline of an environment: its published builds, newest first, each with what it changed."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import trio

from condafs.catalog.events import EventKind, EventRecord
from condafs.catalog.records import BuildRecord, BuildState
from condafs.errors import CondafsError
from condafs.names import SpecDigest
from condafs.web.api.environments import differences
from condafs.web.house import House
from condafs.web.page.people import Person, person_of

SHOWN_AT_ONCE = 10
"""Each needs two package lists; those that nobody looked at lately are read through the mount."""

PATIENCE_SECONDS = 3
"""For the differences of all: the rest of the page is there without them."""


@dataclass(frozen=True, slots=True)
class Generation:
    """One published build.

    Attributes:
        asker: Who submitted its specification.
        is_current: Whether the name leads to it.
        previous: Number of the generation before it that is still there; 0: none.
        changes: Against that; None when not known now.
    """

    build: BuildRecord
    asker: Person
    is_current: bool
    previous: int = 0
    changes: Sequence[Mapping[str, Any]] | None = None

    @property
    def number(self) -> int:
        """Within its environment."""
        return self.build.generation

    @property
    def counts(self) -> str:
        """`3 added, 1 removed, 2 changed`."""
        kinds = [change["kind"] for change in self.changes or ()]
        return ", ".join(f"{kinds.count(kind)} {kind}" for kind in ("added", "removed", "changed") if kind in kinds)


@dataclass(frozen=True, slots=True)
class Timeline:
    """Some generations in a row.

    Attributes:
        older: What asks for those before; 0: there are none.
        is_newest: Whether none are left out at the beginning.
    """

    generations: Sequence[Generation]
    older: int
    is_newest: bool


async def timeline_of(
    house: House, builds: Sequence[BuildRecord], current: SpecDigest | None, events: Iterable[EventRecord], before: int
) -> Timeline:
    """The generations below a number.

    Args:
        house: Of the pages.
        builds: Of the environment.
        current: Its current one.
        events: Of the environment.
        before: 0: from the newest on.
    """
    published = sorted((r for r in builds if r.state is BuildState.READY), key=lambda r: -r.generation)
    chosen = [r for r in published if not before or r.generation < before]
    shown = chosen[: SHOWN_AT_ONCE + 1]  # one more, to compare the last with
    asked = submissions(events)
    changes = await _changes(house, shown)
    following = [*shown[1:], None][: len(shown)]
    generations = [
        Generation(
            record,
            person_of(asked.get(record.digest), record.owner_uid),
            record.digest == current,
            previous.generation if previous else 0,
            changes.get(record.generation),
        )
        for record, previous in zip(shown, following, strict=True)
    ][:SHOWN_AT_ONCE]
    older = generations[-1].number if len(chosen) > SHOWN_AT_ONCE else 0
    return Timeline(generations, older, is_newest=len(chosen) == len(published))


async def _changes(house: House, shown: Sequence[BuildRecord]) -> dict[int, Sequence[Mapping[str, Any]]]:
    """By number; what the mount does not tell in time is left out."""
    found: dict[int, Sequence[Mapping[str, Any]]] = {}
    with trio.move_on_after(PATIENCE_SECONDS):
        for after, before in pairwise(shown):
            try:
                found[after.generation] = await differences(house, before.build, after.build)
            except CondafsError:  # deleted just now, or the daemon is away
                continue
    return found


def submissions(events: Iterable[EventRecord]) -> dict[SpecDigest, EventRecord]:
    """Who asked for each published build: the last submission before its last publication."""
    asked: dict[SpecDigest, EventRecord] = {}
    found: dict[SpecDigest, EventRecord] = {}
    for event in events:
        if event.digest and event.kind is EventKind.SUBMITTED:
            asked[event.digest] = event
        elif event.digest and event.kind is EventKind.PUBLISHED and event.digest in asked:
            found[event.digest] = asked[event.digest]
    return found
