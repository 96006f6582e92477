"""What is refused to whom, of what comes in and of what is steered."""

import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from condafs.catalog.events import DAEMON, Author, EventKind
from condafs.catalog.records import BuildState
from condafs.config import Settings
from condafs.config.quotas import Limits
from condafs.errors import ForbiddenError, NotYoursError, QuotaError, SpecificationError
from condafs.names import BuildName
from condafs.tree.specs.owner import Owner, find_owner, write_owner
from condafs.tree.specs.owners import reconcile_owners
from tests.component.scheduler.scripted import UNSATISFIABLE, House, make_settings, open_house, specification

ANN, BOB = 1000, 3_999_999_999  # nobody is called so


async def ready(house: House, name: str, *packages: str, uid: int = ANN) -> BuildName:
    return await house.ready(f"{name}.yaml", specification(name, *packages), uid)


def refusal(house: House, file_name: str) -> str:
    with house.catalog.snapshot() as snapshot:
        record = snapshot.file(file_name)
    return record.refusal if record else ""


async def test_nobody_steers_what_is_anothers(house: House) -> None:
    first = await ready(house, "foo", "one")
    await ready(house, "foo", "two")
    house.runner.hold()
    third = await house.write("foo.yaml", specification("foo", "three"), ANN)
    for attempt in (
        house.steering.roll_back(first.name, first.digest, Author(BOB)),
        house.steering.delete_build(first, Author(BOB)),
        house.steering.delete_build(third, Author(BOB, "ann")),
        house.steering.cancel(third, Author(BOB)),
    ):
        with pytest.raises(NotYoursError):
            await attempt
    assert house.state(first) is BuildState.READY
    await house.until(third, BuildState.BUILDING)
    await house.steering.cancel(third, Author(ANN))
    await house.steering.roll_back(first.name, first.digest, Author(0))
    assert house.current("foo") == first.digest


async def test_the_daemons_user_may_do_everything(settings: Settings) -> None:
    async with open_house(settings, daemon_uid=BOB) as house:
        first = await ready(house, "foo", "one")
        await ready(house, "foo", "two")
        await house.steering.delete_build(first, Author(BOB))


async def test_a_file_that_describes_what_is_anothers_says_whose_it_is(house: House) -> None:
    await ready(house, "foo", uid=BOB)
    await house.intake.retire("foo.yaml")
    with pytest.raises(NotYoursError):
        house.intake.check("foo.yaml", specification("foo", "two"), ANN)
    with pytest.raises(SpecificationError):
        await house.write("foo.yaml", specification("foo", "two"), ANN)
    assert f"belongs to {BOB}" in refusal(house, "foo.yaml")


@pytest.fixture
async def limited(settings: Settings) -> AsyncIterator[House]:
    """Two builds a day, and Bob has no environment."""
    special = {str(BOB): {"environments": 0}}
    async with open_house(replace(settings, quota_builds_per_day=2, quotas=special)) as house:
        yield house


async def test_a_try_too_many_is_refused_and_says_so_until_there_is_another(limited: House) -> None:
    house = limited
    house.runner.outcomes = [UNSATISFIABLE, UNSATISFIABLE]
    build = await house.write("foo.yaml", specification("foo"), ANN)
    await house.until(build, BuildState.FAILED)
    house.intake.check_retry("foo.yaml")
    await house.intake.retry("foo.yaml", Author(ANN))
    await house.until(build, BuildState.FAILED)
    with pytest.raises(QuotaError):
        house.intake.check_retry("foo.yaml")
    with pytest.raises(SpecificationError):
        await house.intake.retry("foo.yaml", Author(ANN))
    assert "you began 2 of 2 builds of today" in refusal(house, "foo.yaml")
    house.turn_clock(86_400)
    house.intake.check_retry("foo.yaml")
    await house.write("foo.yaml", specification("foo"), ANN)
    assert refusal(house, "foo.yaml") == ""


async def test_having_a_build_made_again_is_its_owners_and_one_of_the_day(limited: House) -> None:
    build = await ready(limited, "foo")
    with pytest.raises(NotYoursError):
        await limited.steering.renew(build, Author(BOB))
    await limited.steering.renew(build, Author(ANN))
    await limited.until(build, BuildState.READY)
    with pytest.raises(QuotaError, match="you began 2 of 2 builds of today"):
        await limited.steering.renew(build, Author(ANN))
    await limited.steering.renew(build, Author(0))
    await limited.until(build, BuildState.READY)


async def test_quotas_of_one_user_are_known_when_they_are_needed(limited: House) -> None:
    house = limited
    assert house.intake.limits_of(BOB) == Limits(builds_per_day=2)
    with pytest.raises(SpecificationError, match="you have 0 of 0 environments"):
        await house.write("foo.yaml", specification("foo"), BOB)
    assert house.intake.limits_of(BOB) == Limits(0, 2)
    await house.intake.know(BOB)
    with pytest.raises(QuotaError):
        house.intake.check("foo.yaml", specification("foo"), BOB)


async def test_files_and_environments_agree_on_whose_they_are_after_a_start(house: House) -> None:
    for name in ("given", "bare", "same"):
        await ready(house, name, uid=0) if name == "same" else await ready(house, name, name, uid=ANN)
    specs = house.settings.specs
    write_owner(str(specs / "given.yaml"), Owner(BOB, BOB, 0o640))
    await reconcile_owners(house.intake, house.catalog, specs)
    owners = {name: getattr(house.environment(name), "owner_uid", None) for name in ("given", "bare", "same")}
    assert owners == {"given": BOB, "bare": ANN, "same": 0}
    healed = find_owner(str(specs / "bare.yaml"))
    assert healed
    assert healed.uid == ANN
    (specs / "given.yaml").unlink()
    os.mkfifo(specs / "given.yaml")
    await reconcile_owners(house.intake, house.catalog, specs)
    assert getattr(house.environment("given"), "owner_uid", None) == BOB


async def test_who_submits_many_at_once_does_not_pass_with_all_of_them(tmp_path: Path) -> None:
    """Each of the scripted builds takes 100 bytes."""
    async with open_house(make_settings(tmp_path / "s", jobs=1, quota_bytes=150)) as house:
        house.runner.hold()
        builds = [await house.write(f"{name}.yaml", specification(name, name), ANN) for name in "abcd"]
        house.runner.release()
        await house.idle(builds)
        states = [house.state(build) for build in builds]
        assert states == [BuildState.READY] * 2 + [BuildState.FAILED] * 2
        record = house.build(builds[-1])
        assert record
        assert record.failure_kind == "quota"
        assert "your builds take 200 B of 150 B (quota-bytes)" in record.failure_message
        assert "quota-bytes" in house.log(builds[-1])
        with pytest.raises(SpecificationError, match="quota-bytes"):
            await house.intake.retry("d.yaml")
        await house.intake.retire("a.yaml")
        await house.steering.delete_build(builds[0])
        await house.until(builds[0], None)
        await house.intake.retry("d.yaml")
        await house.until(builds[-1], BuildState.READY)


async def test_others_pins_do_not_keep_the_owner_from_deleting(house: House) -> None:
    first = await ready(house, "foo", "one")
    await ready(house, "foo", "two")
    await house.steering.pin("bobs", first, BOB, Author(BOB))
    for author in (DAEMON, Author(0)):  # a collection
        with pytest.raises(ForbiddenError, match=r"pinned as bobs: remove \.pins/bobs first"):
            await house.steering.delete_build(first, author)
    await house.steering.delete_build(first, Author(ANN))
    await house.until(first, None)
    with house.catalog.snapshot() as snapshot:
        assert list(snapshot.pins()) == []
        told = [(event.kind, event.uid, event.detail) for event in snapshot.events_of(first.name)]
    assert (EventKind.UNPINNED, ANN, "bobs") in told


@pytest.mark.parametrize("uid", [ANN, 0])
async def test_her_own_pins_and_roots_do(house: House, uid: int) -> None:
    first = await ready(house, "foo", "one")
    await ready(house, "foo", "two")
    await house.steering.pin("kept", first, uid, Author(uid))
    with pytest.raises(ForbiddenError, match="pinned as kept"):
        await house.steering.delete_build(first, Author(ANN))
    assert house.state(first) is BuildState.READY
