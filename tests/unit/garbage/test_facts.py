from condafs.catalog.events import EventKind, EventRecord
from condafs.catalog.records import BuildRecord, BuildState, EnvironmentRecord
from condafs.garbage.facts import describe, times_of_leaving
from condafs.names import BuildName, EnvironmentName, SpecDigest

NAME = EnvironmentName("foo")
FIRST, SECOND, THIRD = (SpecDigest(f"{number:064x}") for number in (1, 2, 3))


def moved(at: float, digest: SpecDigest) -> EventRecord:
    return EventRecord(int(at), at, EventKind.MOVED, NAME, digest)


def record(digest: SpecDigest, generation: int, finished: float, state: BuildState = BuildState.READY) -> BuildRecord:
    return BuildRecord(
        BuildName(digest, NAME), state, generation, generation, submitted=finished - 1, finished=finished
    )


def test_a_build_is_unneeded_since_its_name_led_elsewhere() -> None:
    assert times_of_leaving([moved(10, FIRST), moved(20, SECOND)]) == {FIRST: 10 + 10}
    assert times_of_leaving([moved(10, FIRST), moved(20, SECOND), moved(30, FIRST), moved(40, THIRD)]) == {
        FIRST: 40,
        SECOND: 30,
    }


def test_retiring_ends_the_need_for_the_current_build() -> None:
    retired = EventRecord(30, 30, EventKind.RETIRED, NAME, detail="foo.yaml")
    assert times_of_leaving([moved(10, FIRST), retired, moved(50, SECOND)]) == {FIRST: 30}


def test_what_the_journal_forgot_was_needed_until_the_next_was_published() -> None:
    builds = [record(FIRST, 1, 10), record(SECOND, 2, 20), record(THIRD, 3, 30)]
    environment = EnvironmentRecord(NAME, THIRD, THIRD, 3, "foo.yaml", moved=30)
    assert [describe(r, environment, builds, {}).unneeded_since for r in builds] == [20, 30, 30]
    assert describe(builds[0], environment, builds, {FIRST: 25}).unneeded_since == 25


def test_of_what_was_never_published_counts_when_it_ended() -> None:
    failed = record(FIRST, 0, 10, BuildState.FAILED)
    environment = EnvironmentRecord(NAME, FIRST, file_name="foo.yaml", moved=99)
    found = describe(failed, environment, [failed], {})
    assert (found.unneeded_since, found.is_wanted, found.is_current, found.own_bytes) == (10, True, False, 0)


def test_nothing_of_a_retired_environment_is_current_or_wanted() -> None:
    first = record(FIRST, 1, 10)
    environment = EnvironmentRecord(NAME, FIRST, FIRST, 1, "", moved=10)
    found = describe(first, environment, [first], {FIRST: 40})
    assert (found.is_current, found.is_wanted, found.is_retired, found.unneeded_since) == (False, False, True, 40)
