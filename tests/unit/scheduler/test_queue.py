from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from condafs.catalog.records import BuildRecord, BuildState
from condafs.names import BuildName, EnvironmentName, SpecDigest
from condafs.scheduler.queue import FairQueue


def _record(name: str, number: int, sequence: int, due: float = 0) -> BuildRecord:
    build = BuildName(SpecDigest(f"{number:064x}"), EnvironmentName(name))
    return BuildRecord(build, BuildState.WAITING if due else BuildState.QUEUED, sequence, next_try=due)


def _drain(queue: FairQueue, now: float = 0) -> list[tuple[str, int]]:
    found = []
    while entry := queue.take(now, (), ()):
        found.append((entry.name.text, entry.sequence))
    return found


def test_a_name_with_many_builds_does_not_starve_others() -> None:
    queue = FairQueue()
    for i in range(100):
        queue.put(_record("many", i, i))
    queue.put(_record("one", 200, 200))
    queue.put(_record("two", 201, 201))
    assert _drain(queue)[:4] == [("many", 0), ("one", 200), ("two", 201), ("many", 1)]


def test_within_a_name_the_oldest_comes_first() -> None:
    queue = FairQueue()
    for sequence in (3, 1, 2):
        queue.put(_record("foo", sequence, sequence))
    assert _drain(queue) == [("foo", 1), ("foo", 2), ("foo", 3)]


def test_a_name_keeps_its_turn_when_its_build_is_replaced() -> None:
    queue = FairQueue()
    queue.put(_record("foo", 1, 1))
    queue.put(_record("bar", 2, 2))
    queue.discard(SpecDigest(f"{1:064x}"), EnvironmentName("foo"))
    queue.put(_record("foo", 3, 3))
    assert _drain(queue) == [("foo", 3), ("bar", 2)]


def test_what_is_not_due_waits_and_tells_when() -> None:
    queue = FairQueue()
    queue.put(_record("foo", 1, 1, due=10))
    queue.put(_record("bar", 2, 2, due=20))
    assert _drain(queue, now=5) == []
    assert queue.next_due(5) == 10
    assert _drain(queue, now=10) == [("foo", 1)]
    assert queue.next_due(10) == 20
    assert _drain(queue, now=20) == [("bar", 2)]
    assert queue.next_due(20) is None


def test_names_without_a_running_build_come_first() -> None:
    queue = FairQueue()
    queue.put(_record("foo", 1, 1))
    queue.put(_record("bar", 2, 2))
    busy = {EnvironmentName("foo")}
    assert [queue.take(0, (), busy), queue.take(0, (), busy)] == [_entry("bar", 2), _entry("foo", 1)]


def _entry(name: str, number: int) -> object:
    queue = FairQueue()
    queue.put(_record(name, number, number))
    return queue.take(0, (), ())


def test_busy_digests_are_passed_over_and_stay() -> None:
    queue = FairQueue()
    queue.put(_record("foo", 1, 1))
    assert queue.take(0, {SpecDigest(f"{1:064x}")}, ()) is None
    assert len(queue) == 1
    assert queue.take(0, (), ())
    assert len(queue) == 0


def test_discarding_what_does_not_wait_is_nothing() -> None:
    queue = FairQueue()
    queue.discard(SpecDigest("0" * 64), EnvironmentName("foo"))
    assert queue.take(0, (), ()) is None


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(0, 30)), unique_by=lambda pair: pair[1]))
def test_everything_put_is_taken_once_and_turns_are_even(puts: list[tuple[str, int]]) -> None:
    queue = FairQueue()
    for sequence, (name, number) in enumerate(puts):
        queue.put(_record(name, number, sequence))
    taken = _drain(queue)
    assert sorted(sequence for _, sequence in taken) == list(range(len(puts)))
    for name in {name for name, _ in puts}:
        own = [position for position, (taken_name, _) in enumerate(taken) if taken_name == name]
        others = len({n for n, _ in puts})
        assert all(later - earlier <= others for earlier, later in pairwise(own))
