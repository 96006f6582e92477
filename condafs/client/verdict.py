"""What a status says about one build that was submitted: how it ended, if it did."""

from enum import StrEnum

from condafs.client.status import ACTIVE_STATES, Status
from condafs.names import BuildName


class Verdict(StrEnum):
    """How a submitted build ended."""

    READY = "ready"
    FAILED = "failed"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    LOST = "lost"


def judge(status: Status | None, build: BuildName) -> Verdict | None:
    """What the status says about a build; None while nothing is decided, or while it is not mentioned yet."""
    if status is None:
        return None
    digest = build.digest.hex
    if status.current and status.current.digest == digest:
        return Verdict.READY
    building = status.building
    if building and building.digest == digest:
        if building.state in ACTIVE_STATES:
            return None
        return Verdict(building.state) if building.state in list(Verdict) else Verdict.FAILED
    if status.state in {"failed", "cancelled"} and status.last_error and status.last_error.build == str(build):
        return Verdict(status.state)
    return None
