import pytest
from hypothesis import given
from hypothesis import strategies as st

from condafs.catalog.records import ACTIVE_STATES, BuildState
from condafs.catalog.transitions import TABLE, Step, is_possible, take
from condafs.errors import TransitionError

STATES = [None, *BuildState]


@given(st.sampled_from(STATES), st.sampled_from(list(Step)))
def test_a_step_leads_where_the_table_says_or_is_refused(state: BuildState | None, step: Step) -> None:
    if is_possible(state, step):
        assert take(state, step) == TABLE[state, step]
    else:
        with pytest.raises(TransitionError, match=f"cannot {step}"):
            take(state, step)


def test_every_state_can_be_reached_and_left() -> None:
    assert set(TABLE.values()) == set(STATES)
    assert {state for state, _ in TABLE} == set(STATES)


def test_only_a_builder_at_work_publishes() -> None:
    assert [state for state, step in TABLE if step is Step.PUBLISH] == [BuildState.BUILDING]


def test_what_is_published_stays_until_it_is_deleted_or_made_again() -> None:
    assert [step for state, step in TABLE if state is BuildState.READY] == [Step.DELETE, Step.RENEW]


def test_nothing_is_forgotten_before_its_files_are_removed() -> None:
    assert [state for (state, _), target in TABLE.items() if target is None] == [BuildState.DELETING]


def test_every_active_build_can_come_to_rest() -> None:
    for state in ACTIVE_STATES:
        seen, at = {state}, [state]
        while at:
            here = at.pop()
            for target in (t for (source, _), t in TABLE.items() if source is here):
                if target is not None and target not in seen:
                    seen.add(target)
                    at.append(target)
        assert seen - ACTIVE_STATES
