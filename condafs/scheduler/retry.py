"""When a build that failed is tried again; the strategies are tenacity's."""

from collections.abc import Callable

from tenacity import RetryCallState, Retrying
from tenacity.wait import wait_base, wait_exponential

JITTER_SHARE = 0.25
"""A wait is lengthened by up to a quarter, so that builds that failed together do not come back together."""


class _wait_shared_jitter(wait_base):  # noqa: N801 - tenacity's strategies are named so
    """A share of another strategy's wait, with a source of randomness that is given; tenacity's own is global."""

    def __init__(self, wait: wait_base, share: float, uniform: Callable[[float, float], float]) -> None:
        self._wait = wait
        self._share = share
        self._uniform = uniform

    def __call__(self, retry_state: RetryCallState) -> float:
        return self._uniform(0, self._share * self._wait(retry_state))


def next_delay(
    attempt: int,
    initial_seconds: float,
    cap_seconds: float,
    uniform: Callable[[float, float], float],
) -> float:
    """Seconds to wait after a try: `initial_seconds` doubled with each, capped, and jitter on top.

    Args:
        attempt: Number of the try that failed, from 1.
        initial_seconds: After the first try.
        cap_seconds: The most, before jitter.
        uniform: `random.uniform` or like it.
    """
    backoff = wait_exponential(multiplier=initial_seconds, max=cap_seconds)
    strategy = backoff + _wait_shared_jitter(backoff, JITTER_SHARE, uniform)
    state = RetryCallState(Retrying(), None, (), {})
    state.attempt_number = attempt
    return float(strategy(state))
