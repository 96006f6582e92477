"""The journal: what is in it, in which order, and for how long."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from condafs.catalog import attempts, changes, claims
from condafs.catalog.events import DAEMON, Author, EventKind, EventRecord
from condafs.catalog.records import BuildState, FileRecord
from condafs.catalog.store import Catalog
from condafs.catalog.transaction import Transaction
from condafs.errors import ConflictError, NotFoundError
from condafs.names import BuildName, EnvironmentName
from tests.component.catalog.records import build_name

ANN, WEB = Author(1000), Author(33, "ci")
FOO = EnvironmentName("foo")
SIZES = attempts.Sizes(1, 1, 1)


@pytest.fixture
def catalog(tmp_path: Path) -> Iterator[Catalog]:
    with Catalog.open(tmp_path / "catalog") as opened:
        yield opened


def submission(build: BuildName, file_name: str = "foo.yaml") -> claims.Submission:
    file = FileRecord(file_name, build.digest.hex, 1, 1, build.digest, build.name)
    return claims.Submission(file, b"{}", 1000)


def submit(catalog: Catalog, build: BuildName, now: float, author: Author = ANN) -> None:
    catalog.write_now(partial(claims.submit, submission=submission(build), now=now), author)


def make(catalog: Catalog, build: BuildName, now: float) -> None:
    catalog.write_now(partial(attempts.start, digest=build.digest, now=now))
    catalog.write_now(partial(attempts.publish, digest=build.digest, sizes=SIZES, now=now + 1))


def events(catalog: Catalog, after: int = 0) -> list[EventRecord]:
    with catalog.snapshot() as snapshot:
        return list(snapshot.events(after))


def kinds(catalog: Catalog, after: int = 0) -> list[str]:
    return [event.kind.value for event in events(catalog, after)]


def last(catalog: Catalog) -> int:
    with catalog.snapshot() as snapshot:
        return snapshot.last_event()


def note_many(transaction: Transaction, names: list[str]) -> None:
    for name in names:
        transaction.note(EventKind.RETIRED, EnvironmentName(name) if name else None)


def test_what_people_and_builders_do_is_told_with_who_when_and_of_what(catalog: Catalog) -> None:
    build = build_name(1)
    submit(catalog, build, 5, WEB)
    make(catalog, build, 6)
    assert events(catalog) == [
        EventRecord(1, 5, EventKind.SUBMITTED, FOO, build.digest, uid=33, behalf="ci"),
        EventRecord(2, 6, EventKind.STARTED, FOO, build.digest, attempts=1, uid=DAEMON.uid),
        EventRecord(3, 7, EventKind.PUBLISHED, FOO, build.digest, 1, attempts=1),
        EventRecord(4, 7, EventKind.MOVED, FOO, build.digest, 1),
    ]


def test_who_goes_back_is_told_and_what_was_under_way_is_superseded_by_them(catalog: Catalog) -> None:
    for number in (1, 2):
        submit(catalog, build_name(number), number)
        make(catalog, build_name(number), number)
    submit(catalog, build_name(3), 5)
    before = last(catalog)
    catalog.write_now(partial(changes.roll_back, name=FOO, digest=build_name(1).digest, now=9), WEB)
    moved, superseded = events(catalog, before)
    assert moved == EventRecord(before + 1, 9, EventKind.MOVED, FOO, build_name(1).digest, 1, 0, 33, "ci")
    assert (superseded.kind, superseded.digest, superseded.uid) == (EventKind.SUPERSEDED, build_name(3).digest, 33)
    submit(catalog, build_name(2), 10)
    assert kinds(catalog, before + 2) == ["moved"], "what is built already is not submitted"


def test_failures_say_why_in_a_line(catalog: Catalog) -> None:
    build = build_name(1)
    submit(catalog, build, 1)
    for delay in (5.0, None):
        catalog.write_now(partial(attempts.start, digest=build.digest, now=2))
        failure = attempts.Failure("network", "no route\nat all", delay)
        catalog.write_now(partial(attempts.fail, digest=build.digest, failure=failure, now=3))
    catalog.write_now(partial(claims.retry, file_name="foo.yaml", now=4), ANN)
    told = [(event.kind.value, event.attempts, event.detail) for event in events(catalog)]
    assert told == [
        ("submitted", 0, ""),
        ("started", 1, ""),
        ("waiting", 1, "network: no route"),
        ("started", 2, ""),
        ("failed", 2, "network: no route"),
        ("submitted", 0, ""),
    ]


def test_a_build_that_was_given_up_and_is_wanted_again_while_it_runs_is_submitted(catalog: Catalog) -> None:
    submit(catalog, build_name(1), 1)
    catalog.write_now(partial(attempts.start, digest=build_name(1).digest, now=2))
    submit(catalog, build_name(2), 3)
    submit(catalog, build_name(1), 4, WEB)
    submit(catalog, build_name(1), 5)
    assert kinds(catalog) == ["submitted", "started", "submitted", "submitted", "superseded"]
    assert events(catalog)[3].behalf == "ci"


def test_a_build_that_is_submitted_while_it_is_removed_is_told_once(catalog: Catalog) -> None:
    submit(catalog, build_name(1), 1)
    make(catalog, build_name(1), 2)
    submit(catalog, build_name(2), 4)
    make(catalog, build_name(2), 5)
    before = last(catalog)
    catalog.write_now(partial(changes.delete, build=build_name(1), now=7), ANN)
    submit(catalog, build_name(1), 8)
    catalog.write_now(partial(changes.erase, digest=build_name(1).digest, now=9))
    assert kinds(catalog, before) == ["deleted", "submitted"]
    assert events(catalog, before)[0].generation == 1
    with catalog.snapshot() as snapshot:
        record = snapshot.build(build_name(1).digest)
        assert record
        assert record.state is BuildState.QUEUED


def test_retiring_cancels_and_a_name_that_is_forgotten_keeps_its_events(catalog: Catalog) -> None:
    submit(catalog, build_name(1), 1)
    catalog.write_now(partial(claims.retire, file_name="foo.yaml", now=2), ANN)
    catalog.write_now(partial(changes.delete, build=build_name(1), now=3), ANN)
    catalog.write_now(partial(changes.erase, digest=build_name(1).digest, now=4))
    assert kinds(catalog) == ["submitted", "retired", "cancelled", "deleted"]
    assert events(catalog)[1].detail == "foo.yaml"
    with catalog.snapshot() as snapshot:
        assert snapshot.environment(FOO) is None
        assert len(list(snapshot.events_of(FOO))) == 4


def test_a_refused_file_is_told_with_the_name_it_claims_if_any(catalog: Catalog) -> None:
    submit(catalog, build_name(1), 1)
    for file_name in ("foo.yaml", "new.yaml"):
        record = FileRecord(file_name, "0" * 64, 1, 1, refusal="no")
        catalog.write_now(partial(claims.refuse, file=record, now=2), ANN)
        catalog.write_now(partial(claims.note_refusal, file_name=file_name, now=3), WEB)
    told = [(str(event.name), event.detail, event.uid) for event in events(catalog, 1)]
    assert told == [
        ("foo", "foo.yaml", 1000),
        ("foo", "foo.yaml", 33),
        ("None", "new.yaml", 1000),
        ("None", "new.yaml", 33),
    ]


def test_what_changes_nothing_is_not_told(catalog: Catalog) -> None:
    submit(catalog, build_name(1), 1)
    submit(catalog, build_name(1), 2)
    make(catalog, build_name(1), 3)
    before = last(catalog)
    submit(catalog, build_name(1), 5)
    moved = claims.Submission(submission(build_name(1), "other.yaml").file, b"{}", 1000, moved_from="foo.yaml")
    assert catalog.write_now(partial(claims.move_file, submission=moved))
    catalog.write_now(partial(claims.retry, file_name="other.yaml", now=6))
    assert kinds(catalog, before) == []


def test_what_is_undone_is_not_told(catalog: Catalog) -> None:
    submit(catalog, build_name(1), 1)
    with pytest.raises(ConflictError):
        catalog.write_now(partial(claims.submit, submission=submission(build_name(2), "other.yaml"), now=2))
    with pytest.raises(NotFoundError):
        catalog.write_now(partial(changes.roll_back, name=FOO, digest=build_name(1).digest, now=2))
    assert last(catalog) == 1


def test_what_is_run_again_on_a_larger_map_is_told_once(tmp_path: Path) -> None:
    with Catalog.open(tmp_path / "small", map_bytes=1 << 20) as catalog:
        names = ["foo", "bar", ""] * 5000
        catalog.write_now(partial(note_many, names=names))
        assert last(catalog) == len(names)
        with catalog.snapshot() as snapshot:
            assert [event.number for event in snapshot.events_of(FOO)] == list(range(1, len(names), 3))


def test_a_reader_goes_on_where_it_was_and_sees_whether_it_missed_some(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("condafs.catalog.transaction.MOST_EVENTS", 10)
    catalog.write_now(partial(note_many, names=["foo", "bar"] * 10))
    with catalog.snapshot() as snapshot:
        assert (snapshot.first_event(), snapshot.last_event()) == (11, 20)
        assert [event.number for event in snapshot.events(17)] == [18, 19, 20]
        assert [event.number for event in snapshot.events(3)] == list(range(11, 21))
        assert [event.number for event in snapshot.events_of(FOO, 14)] == [15, 17, 19]
        assert list(snapshot.events(20)) == list(snapshot.events_of(EnvironmentName("fo"))) == []


def test_a_journal_that_is_longer_than_it_may_be_shrinks_with_every_event(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch
) -> None:
    catalog.write_now(partial(note_many, names=["foo"] * 10))
    monkeypatch.setattr("condafs.catalog.transaction.MOST_EVENTS", 5)
    for expected in (9, 8, 7, 6, 5, 5):
        catalog.write_now(partial(note_many, names=["foo"]))
        assert len(events(catalog)) == expected


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(names=st.lists(st.sampled_from(["", "a", "ab", "b"]), max_size=40), most=st.integers(1, 12))
def test_the_newest_are_kept_and_each_name_finds_its_own(
    catalog: Catalog, monkeypatch: pytest.MonkeyPatch, names: list[str], most: int
) -> None:
    monkeypatch.setattr("condafs.catalog.transaction.MOST_EVENTS", most)
    catalog.write_now(partial(note_many, names=["a"] * 20))  # what other examples left has shrunk to `most`
    catalog.write_now(partial(note_many, names=names))
    with catalog.snapshot() as snapshot:
        kept = list(snapshot.events())
        expected = (["a"] * 20 + names)[-most:]
        assert [str(event.name or "") for event in kept] == expected
        assert [event.number for event in kept] == list(range(snapshot.first_event(), snapshot.last_event() + 1))
        for name in map(EnvironmentName, ("a", "ab", "b")):
            assert list(snapshot.events_of(name)) == [event for event in kept if event.name == name]
