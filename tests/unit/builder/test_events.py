"""Events: protocol lines, not too many of them, and one outcome."""

import os
from collections.abc import Iterator

import pytest

from condafs.builder.events import Events
from condafs.builder.protocol import Event, Failed, FailureKind, Phase, Progress, decode_event


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    reader, writer = os.pipe()
    yield reader, writer
    os.close(reader)
    os.close(writer)


def read_events(reader: int) -> list[Event]:
    os.set_blocking(reader, False)
    return [decode_event(line) for line in os.read(reader, 1 << 20).splitlines()]


def test_the_first_report_of_a_phase_is_never_held_back(pipe: tuple[int, int]) -> None:
    events = Events(pipe[1])
    for phase in Phase:
        events.enter(phase)
    assert [event.phase for event in read_events(pipe[0]) if isinstance(event, Progress)] == list(Phase)


def test_a_thousand_reports_in_a_moment_become_a_few(pipe: tuple[int, int]) -> None:
    events = Events(pipe[1])
    events.enter(Phase.FETCH)
    for done in range(1000):
        events.report(Progress(Phase.FETCH, "numpy", done, 1000))
    assert len(read_events(pipe[0])) < 20


def test_the_last_of_a_total_is_never_held_back(pipe: tuple[int, int]) -> None:
    events = Events(pipe[1])
    events.enter(Phase.FETCH)
    events.report(Progress(Phase.FETCH, "numpy", 7, 7))
    assert read_events(pipe[0])[-1] == Progress(Phase.FETCH, "numpy", 7, 7)


def test_only_the_first_outcome_counts_and_nothing_follows_it(pipe: tuple[int, int]) -> None:
    events = Events(pipe[1])
    first = Failed(FailureKind.TIMEOUT, "too long")
    events.end(first)
    events.end(Failed(FailureKind.KILLED, "later"))
    events.enter(Phase.SEAL)
    assert read_events(pipe[0]) == [first]


def test_seconds_are_counted_for_the_phase_they_passed_in(pipe: tuple[int, int]) -> None:
    events = Events(pipe[1])
    events.enter(Phase.SOLVE)
    events.enter(Phase.FETCH)
    events.finish_phase()
    assert list(events.seconds) == ["solve", "fetch"]
