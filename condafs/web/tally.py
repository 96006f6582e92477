"""Counters of builds, from the journal, which is followed from where the last look ended.

They count since the server started, as counters do.
"""

from collections import Counter
from dataclasses import dataclass, field

from condafs.catalog.events import EventKind
from condafs.catalog.reader import Snapshot

BUCKETS_SECONDS = (1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0, 1800.0, 3600.0)


@dataclass(slots=True)
class Tally:
    """What was counted from the journal.

    Attributes:
        last: Number of the last event that was counted.
        events: By kind.
        durations: Seconds of builds that were published.
    """

    last: int | None = None
    events: Counter[str] = field(default_factory=Counter)
    durations: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS_SECONDS) + 1))
    seconds: float = 0

    def follow(self, snapshot: Snapshot) -> None:
        """Count what happened since the last look."""
        if self.last is None:
            self.last = snapshot.last_event()
        for event in snapshot.events(self.last):
            self.last = event.number
            self.events[event.kind.value] += 1
            record = snapshot.build(event.digest) if event.digest and event.kind is EventKind.PUBLISHED else None
            if record and record.finished > record.started:
                self._add(record.finished - record.started)

    def _add(self, seconds: float) -> None:
        place = next((i for i, most in enumerate(BUCKETS_SECONDS) if seconds <= most), len(BUCKETS_SECONDS))
        self.durations[place] += 1
        self.seconds += seconds
