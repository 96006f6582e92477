from hypothesis import given
from hypothesis import strategies as st

from condafs.scheduler.retry import JITTER_SHARE, next_delay


def _none(low: float, high: float) -> float:
    assert high >= low
    return low


def _most(low: float, high: float) -> float:
    assert high >= low
    return high


def test_waits_double_up_to_the_cap() -> None:
    assert [next_delay(attempt, 5, 60, _none) for attempt in range(1, 7)] == [5, 10, 20, 40, 60, 60]


def test_jitter_is_a_share_on_top() -> None:
    assert next_delay(2, 5, 60, _most) == 10 * (1 + JITTER_SHARE)


@given(st.integers(1, 10_000), st.floats(0.01, 100), st.floats(100, 10_000))
def test_no_number_of_tries_leaves_the_range(attempt: int, initial: float, cap: float) -> None:
    assert initial <= next_delay(attempt, initial, cap, _none) <= cap
    assert next_delay(attempt, initial, cap, _most) <= cap * (1 + JITTER_SHARE)
