import os
from pathlib import Path

from condafs.catalog.records import BuildState
from condafs.config import Settings
from condafs.names import EnvironmentName
from condafs.scheduler.catch_up import catch_up, find_difference
from tests.component.scheduler.scripted import UNSATISFIABLE, House, build_for, open_house, specification


def _nobody(path: Path) -> int:
    assert path.exists()
    return 65534


async def _catch_up(house: House) -> None:
    await catch_up(house.intake, house.catalog, house.settings.specs, _nobody, lambda name: name == "open.yaml")


async def test_files_written_while_nobody_looked_are_submitted_as_their_owners(settings: Settings) -> None:
    content = specification("foo")
    (settings.specs / "foo.yaml").write_bytes(content)
    async with open_house(settings) as house:
        await _catch_up(house)
        await house.until(build_for(content), BuildState.READY)
        record = house.environment("foo")
    assert record
    assert record.owner_uid == 65534


async def test_unchanged_files_are_not_read(settings: Settings) -> None:
    async with open_house(settings) as house:
        build = await house.write("foo.yaml", specification("foo"))
        await house.until(build, BuildState.READY)
        assert find_difference(house.catalog, settings.specs).changed == ()


async def test_a_rollback_holds_when_the_file_is_as_it_was_or_only_touched(settings: Settings) -> None:
    async with open_house(settings) as house:
        first = await house.write("foo.yaml", specification("foo", "a"))
        await house.until(first, BuildState.READY)
        second = await house.write("foo.yaml", specification("foo", "b"))
        await house.until(second, BuildState.READY)
        await house.steering.roll_back(first.name, first.digest)
    os.utime(settings.specs / "foo.yaml", ns=(1, 1))
    async with open_house(settings) as house:
        assert find_difference(house.catalog, settings.specs).changed == ("foo.yaml",)
        await _catch_up(house)
        assert house.current("foo") == first.digest
        assert find_difference(house.catalog, settings.specs).changed == ()


async def test_files_removed_while_nobody_looked_are_retired(settings: Settings) -> None:
    async with open_house(settings) as house:
        build = await house.write("foo.yaml", specification("foo"))
        await house.until(build, BuildState.READY)
    (settings.specs / "foo.yaml").unlink()
    async with open_house(settings) as house:
        await _catch_up(house)
        record = house.environment("foo")
    assert record
    assert record.is_retired


async def test_a_file_that_is_refused_does_not_keep_the_others_out(settings: Settings) -> None:
    (settings.specs / "bad.yaml").write_bytes(b"name: [\n")
    (settings.specs / "foo.yaml").write_bytes(specification("foo"))
    async with open_house(settings) as house:
        await _catch_up(house)
        with house.catalog.snapshot() as snapshot:
            bad = snapshot.file("bad.yaml")
            assert snapshot.environment(EnvironmentName("foo"))
    assert bad
    assert bad.refusal


async def test_what_is_no_specification_is_left_alone(settings: Settings) -> None:
    (settings.specs / ".git").mkdir()
    (settings.specs / "dir.yaml").mkdir()
    (settings.specs / "README.md").write_text("hello")
    (settings.specs / "empty.yaml").touch()
    (settings.specs / "link.yaml").symlink_to("/etc/passwd")
    async with open_house(settings) as house:
        await _catch_up(house)
        with house.catalog.snapshot() as snapshot:
            assert list(snapshot.files()) == []


async def test_a_file_that_was_touched_in_the_moment_of_a_crash_is_tried_again_once(settings: Settings) -> None:
    async with open_house(settings) as house:
        house.runner.outcomes = [UNSATISFIABLE] * 2
        build = await house.write("foo.yaml", specification("foo"))
        await house.until(build, BuildState.FAILED)
    os.utime(settings.specs / "foo.yaml")
    async with open_house(settings) as house:
        house.runner.outcomes = [UNSATISFIABLE]
        await _catch_up(house)
        await house.until(build, BuildState.FAILED)
        assert len(house.runner.requests) == 1
    async with open_house(settings) as house:
        await _catch_up(house)
        await house.idle()
        assert house.runner.requests == []
