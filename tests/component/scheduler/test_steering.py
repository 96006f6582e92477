"""What people do with builds and names, and what they cannot do."""

from pathlib import Path

import pytest

from condafs.catalog.records import BuildState
from condafs.config import Settings
from condafs.errors import ForbiddenError, NotFoundError
from tests.component.scheduler.scripted import UNSATISFIABLE, House, build_for, open_house, specification


async def test_a_retired_environment_cannot_be_rolled_back(house: House) -> None:
    build = await house.ready("foo.yaml", specification("foo"))
    await house.intake.retire("foo.yaml")
    with pytest.raises(ForbiddenError, match="retired"):
        await house.steering.roll_back(build.name, build.digest)


async def test_a_rollback_needs_a_published_build_of_that_name(house: House) -> None:
    foo = await house.ready("foo.yaml", specification("foo"))
    bar = await house.ready("bar.yaml", specification("bar"))
    house.runner.outcomes = [UNSATISFIABLE]
    failed = await house.write("foo.yaml", specification("foo", "b"))
    await house.until(failed, BuildState.FAILED)
    for build in (bar, failed):
        with pytest.raises(NotFoundError):
            await house.steering.roll_back(foo.name, build.digest)


async def test_a_rollback_holds_over_a_restart(settings: Settings) -> None:
    async with open_house(settings) as house:
        first = await house.ready("foo.yaml", specification("foo", "a"))
        await house.ready("foo.yaml", specification("foo", "b"))
        await house.steering.roll_back(first.name, first.digest)
    async with open_house(settings) as house:
        await house.idle()
        assert house.current("foo") == first.digest


async def test_the_current_build_cannot_be_deleted(house: House) -> None:
    build = await house.ready("foo.yaml", specification("foo"))
    with pytest.raises(ForbiddenError, match="roll back"):
        await house.steering.delete_build(build)
    assert house.state(build) is BuildState.READY


async def test_what_a_file_describes_cannot_be_deleted_when_it_failed(house: House) -> None:
    house.runner.outcomes = [UNSATISFIABLE]
    build = await house.write("foo.yaml", specification("foo"))
    await house.until(build, BuildState.FAILED)
    with pytest.raises(ForbiddenError, match=r"foo\.yaml"):
        await house.steering.delete_build(build)


async def test_the_last_build_of_a_retired_environment_takes_its_name_along(house: House) -> None:
    build = await house.ready("foo.yaml", specification("foo"))
    await house.intake.retire("foo.yaml")
    await house.steering.delete_build(build)
    await house.until(build, None)
    await house.idle()
    assert house.environment("foo") is None
    assert not any(Path(house.settings.builds).iterdir())  # noqa: ASYNC240 - a quick look


async def test_deleting_a_build_in_the_making_cancels_it(house: House) -> None:
    house.runner.hold()
    build = await house.write("foo.yaml", specification("foo"))
    await house.runner.wait_until(lambda: bool(house.runner.at_work))
    await house.steering.delete_build(build)
    assert house.state(build) is BuildState.CANCELLED


async def test_unknown_builds_are_not_found(house: House) -> None:
    build = build_for(specification("foo"))
    with pytest.raises(NotFoundError):
        await house.steering.delete_build(build)
    with pytest.raises(NotFoundError):
        await house.steering.cancel(build)
