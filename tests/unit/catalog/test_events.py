import pytest

from condafs.catalog.events import DETAIL_CHARACTERS, Author, EventKind, EventRecord, detail_of, kind_of
from condafs.catalog.records import BuildRecord, BuildState
from condafs.catalog.transitions import TABLE, Step
from condafs.names import BuildName, EnvironmentName, SpecDigest

BUILD = BuildName(SpecDigest("ab" * 32), EnvironmentName("foo"))


def test_every_step_has_a_name_but_those_of_a_removal_that_ends() -> None:
    silent = {(before, step) for (before, step), after in TABLE.items() if after and kind_of(before, after) is None}
    assert silent == {(BuildState.DELETING, Step.REMAKE)}


@pytest.mark.parametrize("state", BuildState)
def test_what_stays_as_it_is_is_no_news(state: BuildState) -> None:
    assert kind_of(state, state) is None


def test_a_build_that_is_queued_again_was_interrupted_or_submitted() -> None:
    assert kind_of(BuildState.BUILDING, BuildState.QUEUED) is EventKind.INTERRUPTED
    assert kind_of(BuildState.WAITING, BuildState.QUEUED) is EventKind.SUBMITTED


def test_a_failure_is_told_in_a_line() -> None:
    record = BuildRecord(BUILD, BuildState.FAILED, 1, failure_kind="network", failure_message="\nno route\nat all")
    assert detail_of(EventKind.FAILED, record) == "network: no route"
    assert detail_of(EventKind.CANCELLED, record) == ""
    mute = BuildRecord(BUILD, BuildState.FAILED, 1, failure_kind="killed")
    assert detail_of(EventKind.WAITING, mute) == "killed"
    long = BuildRecord(BUILD, BuildState.FAILED, 1, failure_kind="x", failure_message="y" * 999)
    assert len(detail_of(EventKind.FAILED, long)) == DETAIL_CHARACTERS
    assert detail_of(EventKind.FAILED, long).endswith("y…")


def test_an_event_is_about_a_build_when_it_has_a_name_and_a_digest() -> None:
    assert EventRecord(1, 2.0, EventKind.MOVED, BUILD.name, BUILD.digest).build == BUILD
    assert EventRecord(1, 2.0, EventKind.RETIRED, BUILD.name).build is None
    assert EventRecord(1, 2.0, EventKind.REFUSED, None).build is None


def test_an_author_is_told_with_whom_it_acts_for() -> None:
    assert str(Author(7)) == "uid 7"
    assert str(Author(7, "ci")) == "uid 7 for ci"
