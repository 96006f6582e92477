"""What the journal tells that records do not: who asked last for each environment, and which files are refused.

What was read is remembered and the journal followed from there, so that a page of a long list costs no more for it.
Looked at from several threads.
"""

import threading
from collections.abc import Iterable, Sequence

from condafs.catalog.events import EventKind, EventRecord
from condafs.catalog.reader import Snapshot
from condafs.catalog.records import FileRecord
from condafs.names import EnvironmentName


class Place:
    """How far somebody has read the journal."""

    def __init__(self) -> None:
        self._last: int | None = None

    def news(self, snapshot: Snapshot) -> Sequence[EventRecord] | None:
        """What happened since the last look; None when that cannot be told: it is the first, or much was forgotten."""
        last, self._last = self._last, snapshot.last_event()
        if last is None or snapshot.first_event() > last + 1:
            return None
        return list(snapshot.events(last))


class Askers:
    """Who asked last, and what was refused."""

    def __init__(self) -> None:
        self._place = Place()
        self._lock = threading.Lock()
        self._asked: dict[str, EventRecord | None] = {}
        self._refused: set[str] = set()

    def follow(self, snapshot: Snapshot) -> None:
        """Read what is new."""
        with self._lock:
            news = self._place.news(snapshot)
            if news is None:
                self._asked.clear()
                self._refused = {file.file_name for file in snapshot.files() if file.refusal}
                return
            self._refused |= {event.detail for event in news if event.kind is EventKind.REFUSED}
            self._asked |= {event.name.text: event for event in news if event.name and is_asking(event)}

    def last(self, snapshot: Snapshot, name: EnvironmentName) -> EventRecord | None:
        """The last time that somebody wanted something of an environment; None when that is forgotten."""
        with self._lock:
            if name.text not in self._asked:
                self._asked[name.text] = last_asking(snapshot.events_of(name))
            return self._asked[name.text]

    def refusals(self, snapshot: Snapshot) -> list[FileRecord]:
        """The files that are refused now, by name."""
        with self._lock:
            found = [snapshot.file(name) for name in sorted(self._refused)]
            refused = [record for record in found if record and record.refusal]
            self._refused = {record.file_name for record in refused}
        return refused


def is_asking(event: EventRecord) -> bool:
    """Whether somebody wanted something: not the daemon, which moves names, too."""
    return event.uid >= 0 and event.kind in {EventKind.SUBMITTED, EventKind.MOVED}


def last_asking(events: Iterable[EventRecord]) -> EventRecord | None:
    """The last of them in which somebody wanted something."""
    return next((event for event in reversed(list(events)) if is_asking(event)), None)
