"""The table of build states: which step leads where. Pure; a step that is not in it is a TransitionError.

::

    (none) FAILED CANCELLED SUPERSEDED WAITING --submit--> QUEUED
    QUEUED WAITING                             --start---> BUILDING
    BUILDING  --publish--> READY     --postpone--> WAITING     --fail--> FAILED     --interrupt--> QUEUED
    QUEUED WAITING BUILDING  --cancel--> CANCELLED     --supersede--> SUPERSEDED
    READY                    --renew---> QUEUED
    READY FAILED CANCELLED SUPERSEDED  --delete--> DELETING  --erase--> (none)  or  --remake--> QUEUED

A submission leaves QUEUED, BUILDING and READY as they are. One that comes while a build is DELETING is remembered by
the environment, which wants it: the end of the removal is a `remake` then.
"""

from collections.abc import Mapping
from enum import StrEnum

from condafs.catalog.records import BuildState
from condafs.errors import TransitionError


class Step(StrEnum):
    """What can happen to a build."""

    SUBMIT = "submit"
    START = "start"
    PUBLISH = "publish"
    POSTPONE = "postpone"
    FAIL = "fail"
    INTERRUPT = "interrupt"  # the daemon ended, the build did not fail
    CANCEL = "cancel"
    SUPERSEDE = "supersede"  # of a BUILDING one: its try ended without success, and nobody wants it any more
    DELETE = "delete"
    ERASE = "erase"
    REMAKE = "remake"
    RENEW = "renew"  # it is damaged, and made again as the generation that it was


def _table() -> dict[tuple[BuildState | None, Step], BuildState | None]:
    state = BuildState
    rows: list[tuple[Step, tuple[BuildState | None, ...], BuildState | None]] = [
        (Step.SUBMIT, (None, state.FAILED, state.CANCELLED, state.SUPERSEDED, state.WAITING), state.QUEUED),
        (Step.START, (state.QUEUED, state.WAITING), state.BUILDING),
        (Step.PUBLISH, (state.BUILDING,), state.READY),
        (Step.POSTPONE, (state.BUILDING,), state.WAITING),
        (Step.FAIL, (state.BUILDING,), state.FAILED),
        (Step.INTERRUPT, (state.BUILDING,), state.QUEUED),
        (Step.CANCEL, (state.QUEUED, state.WAITING, state.BUILDING), state.CANCELLED),
        (Step.SUPERSEDE, (state.QUEUED, state.WAITING, state.BUILDING), state.SUPERSEDED),
        (Step.DELETE, (state.READY, state.FAILED, state.CANCELLED, state.SUPERSEDED), state.DELETING),
        (Step.ERASE, (state.DELETING,), None),
        (Step.REMAKE, (state.DELETING,), state.QUEUED),
        (Step.RENEW, (state.READY,), state.QUEUED),
    ]
    return {(source, step): target for step, sources, target in rows for source in sources}


TABLE: Mapping[tuple[BuildState | None, Step], BuildState | None] = _table()
"""(state before, step) -> state after; None is a build that is not known."""


def is_possible(state: BuildState | None, step: Step) -> bool:
    """Whether the table has it."""
    return (state, step) in TABLE


def take(state: BuildState | None, step: Step) -> BuildState | None:
    """The state after a step.

    Raises:
        TransitionError: The table does not have it.
    """
    try:
        return TABLE[state, step]
    except KeyError:
        msg = f"a build that is {state or 'not known'} cannot {step}"
        raise TransitionError(msg) from None
