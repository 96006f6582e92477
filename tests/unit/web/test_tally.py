"""Counters of the journal."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from condafs.catalog.events import EventKind, EventRecord
from condafs.catalog.records import BuildRecord, BuildState
from condafs.names import BuildName, EnvironmentName, SpecDigest
from condafs.web.tally import BUCKETS_SECONDS, Tally

FOO = EnvironmentName("foo")


@dataclass
class Journal:
    """As much of a snapshot as is counted."""

    happened: list[EventRecord] = field(default_factory=list)
    builds: dict[SpecDigest, BuildRecord] = field(default_factory=dict)

    def last_event(self) -> int:
        return len(self.happened)

    def events(self, after: int) -> Iterator[EventRecord]:
        return iter(self.happened[after:])

    def build(self, digest: SpecDigest) -> BuildRecord | None:
        return self.builds.get(digest)

    def add(self, kind: EventKind, seconds: float = 0) -> None:
        number = len(self.happened) + 1
        digest = SpecDigest(f"{number:064x}")
        self.happened.append(EventRecord(number, 1, kind, FOO, digest))
        if kind is EventKind.PUBLISHED:
            build = BuildName(digest, FOO)
            self.builds[digest] = BuildRecord(build, BuildState.READY, number, started=100, finished=100 + seconds)


def follow(tally: Tally, journal: Journal) -> None:
    tally.follow(journal)  # type: ignore[arg-type]


def test_what_happened_before_the_first_look_does_not_count() -> None:
    journal, tally = Journal(), Tally()
    journal.add(EventKind.PUBLISHED, 3)
    follow(tally, journal)
    assert not tally.events
    journal.add(EventKind.FAILED)
    follow(tally, journal)
    follow(tally, journal)
    assert tally.events == {"failed": 1}
    assert tally.last == 2


@given(st.lists(st.floats(0.01, 10_000), max_size=20))
def test_each_duration_is_in_the_first_bucket_that_holds_it(durations: list[float]) -> None:
    journal, tally = Journal(), Tally()
    follow(tally, journal)
    for seconds in durations:
        journal.add(EventKind.PUBLISHED, seconds)
    follow(tally, journal)
    took = [record.finished - record.started for record in journal.builds.values()]
    for place, most in enumerate(BUCKETS_SECONDS):
        assert sum(tally.durations[: place + 1]) == sum(seconds <= most for seconds in took)
    assert sum(tally.durations) == len(durations)
    assert tally.seconds == sum(took)


def test_a_build_whose_times_are_not_known_is_counted_without_a_duration() -> None:
    journal, tally = Journal(), Tally(last=0)
    journal.add(EventKind.PUBLISHED, -5)
    journal.add(EventKind.PUBLISHED, 5)
    journal.builds.popitem()
    follow(tally, journal)
    assert (tally.events["published"], sum(tally.durations)) == (2, 0)
