import pytest

from condafs.client.status import BuildInTheMaking, CurrentBuild, LastError, Status
from condafs.client.verdict import Verdict, judge
from condafs.names import BuildName, EnvironmentName, SpecDigest

OURS = BuildName(SpecDigest("a" * 64), EnvironmentName("foo"))
OTHER = BuildName(SpecDigest("b" * 64), EnvironmentName("foo"))


def current(build: BuildName) -> CurrentBuild:
    return CurrentBuild(str(build), build.digest.hex, 1)


def making(build: BuildName, state: str) -> BuildInTheMaking:
    return BuildInTheMaking(str(build), build.digest.hex, state)


@pytest.mark.parametrize(
    ("status", "verdict"),
    [
        (None, None),
        (Status("foo"), None),
        (Status("foo", "ready", current=current(OURS)), Verdict.READY),
        (Status("foo", "ready", current=current(OTHER)), None),
        (Status("foo", "building", current=current(OURS), building=making(OTHER, "building")), Verdict.READY),
        (Status("foo", "queued", building=making(OURS, "queued")), None),
        (Status("foo", "waiting", building=making(OURS, "waiting")), None),
        (Status("foo", "failed", building=making(OURS, "failed")), Verdict.FAILED),
        (Status("foo", "cancelled", building=making(OURS, "cancelled")), Verdict.CANCELLED),
        (Status("foo", "queued", building=making(OURS, "superseded")), Verdict.SUPERSEDED),
        (Status("foo", "failed", last_error=LastError(str(OURS), "pip", "no")), Verdict.FAILED),
        (Status("foo", "failed", last_error=LastError(str(OTHER), "pip", "no")), None),
        (Status("foo", "failed", building=making(OTHER, "failed")), None),
    ],
)
def test_a_verdict_is_about_the_build_that_was_submitted(status: Status | None, verdict: Verdict | None) -> None:
    assert judge(status, OURS) is verdict
