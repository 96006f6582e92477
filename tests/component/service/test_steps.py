"""A plan is taken step by step, and what goes wrong says in which."""

import errno
import os

import pytest

from condafs.errors import MachineError
from condafs.service.steps import Result, Step, take


def broken() -> bool:
    raise OSError(errno.ENOTCONN, os.strerror(errno.ENOTCONN), "/envs")


def test_only_what_is_needed_is_done() -> None:
    done: list[str] = []
    steps = [
        Step("one", lambda: False, lambda: done.append("one")),
        Step("two", lambda: "two" not in done, lambda: done.append("two")),
        Step("two", lambda: "two" not in done, lambda: done.append("two")),
    ]
    assert [result for _, result in take(steps, is_dry=True)] == [Result.UNCHANGED, Result.PLANNED, Result.PLANNED]
    assert not done
    assert [result for _, result in take(steps, is_dry=False)] == [Result.UNCHANGED, Result.DONE, Result.UNCHANGED]
    assert done == ["two"]


@pytest.mark.parametrize("step", [Step("remove /envs", broken, list), Step("remove /envs", lambda: True, broken)])
def test_a_step_that_cannot_be_taken_or_even_looked_at_is_named(step: Step) -> None:
    with pytest.raises(MachineError, match="cannot remove /envs: Transport endpoint is not connected"):
        list(take([step], is_dry=False))
