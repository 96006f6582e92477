"""A catalog that is lost removes nothing, and comes back with what is on the disk."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from condafs.catalog.files import lock
from condafs.catalog.records import BuildState
from condafs.catalog.store import Catalog
from condafs.config import Settings
from condafs.errors import CatalogError
from condafs.garbage.facts import read_candidates
from condafs.garbage.policy import DAY_SECONDS, Evidence, Policy, judge, make_plan
from condafs.names import BuildName
from condafs.prefix.inventory import write_inventory
from condafs.prefix.marker import write_marker
from condafs.prefix.walk import Sums
from condafs.scheduler.catch_up import catch_up
from condafs.scheduler.leftovers import find_leftovers
from condafs.scheduler.logbook import Told
from condafs.scheduler.rebuild import rebuild_catalog, why_rebuild
from condafs.scheduler.remembrance import remember
from condafs.scheduler.strays import require_catalog_of, require_known_builds
from condafs.scheduler.survivors import SurvivingBuild
from tests.component.scheduler.scripted import House, build_for, open_house, specification


def owner_of(path: Path) -> int:
    return path.stat().st_uid


def finish(settings: Settings, content: bytes, finished: float) -> BuildName:
    """What a builder leaves: the scripted one makes no prefix that could be told from rubbish."""
    build = build_for(content)
    prefix = settings.builds / str(build)
    (prefix / "conda-meta").mkdir(parents=True, exist_ok=True)
    write_inventory(prefix)
    write_marker(prefix, build, '{"name":"foo"}', finished=finished)
    return build


async def make(house: House, content: bytes) -> BuildName:
    build = await house.write("foo.yaml", content, os.geteuid())
    await house.until(build, BuildState.READY)
    await house.idle()  # its log says so, too
    return finish(house.settings, content, house.clock.now)


async def three_generations(settings: Settings) -> list[BuildName]:
    """Three builds of foo, made by a daemon that is gone, a moment apart each; its clock is that of the machine."""
    async with open_house(settings) as house:
        house.clock.now = time.time() - 1000
        builds = []
        for number in range(3):
            builds.append(await make(house, specification("foo", f"zz-{number}")))
            os.utime(settings.specs / "foo.yaml", (house.clock.now, house.clock.now))
            house.turn_clock(100)
    return builds


def known(settings: Settings) -> dict[str, object]:
    with Catalog.open(settings.catalog) as catalog, catalog.snapshot() as snapshot:
        found: dict[str, object] = {str(record.build): record.generation for record in snapshot.builds()}
        for environment in snapshot.environments():
            found[environment.name.text] = (environment.current, environment.wanted, environment.file_name)
    return found


async def test_a_lost_catalog_ends_the_start_and_nothing_is_removed(settings: Settings) -> None:
    await three_generations(settings)
    before = sorted(os.listdir(settings.builds))
    shutil.rmtree(settings.catalog)
    with pytest.raises(CatalogError, match="doctor --rebuild-catalog"):
        require_catalog_of(settings.builds, settings.catalog)
    assert not settings.catalog.exists()
    assert sorted(os.listdir(settings.builds)) == before


async def test_an_empty_catalog_beside_builds_is_not_taken_for_one(settings: Settings) -> None:
    await three_generations(settings)
    shutil.rmtree(settings.catalog)
    with Catalog.open(settings.catalog) as catalog:
        with pytest.raises(CatalogError, match="3 finished builds"):
            require_known_builds(settings.builds, catalog)
        assert find_leftovers(settings.builds, catalog.snapshot) == []


async def test_a_catalog_of_yesterday_ends_the_start_too(settings: Settings, tmp_path: Path) -> None:
    async with open_house(settings) as house:
        house.clock.now = time.time() - 1000
        await make(house, specification("foo", "zz-1"))
        shutil.copytree(settings.catalog, tmp_path / "yesterday")
        house.turn_clock(500)
        await make(house, specification("foo", "zz-2"))
    shutil.rmtree(settings.catalog)
    shutil.copytree(tmp_path / "yesterday", settings.catalog)
    with Catalog.open(settings.catalog) as catalog, pytest.raises(CatalogError, match="1 finished build "):
        require_known_builds(settings.builds, catalog)


async def test_a_build_that_is_older_than_the_catalog_and_not_known_is_left_alone(settings: Settings) -> None:
    async with open_house(settings) as house:
        house.clock.now = time.time()
        await make(house, specification("foo", "zz-1"))
    stray = finish(settings, specification("bar"), time.time() - 5000)
    with Catalog.open(settings.catalog) as catalog:
        require_known_builds(settings.builds, catalog)
        assert find_leftovers(settings.builds, catalog.snapshot) == []
    assert (settings.builds / str(stray)).is_dir()


async def test_generations_and_the_name_come_back(settings: Settings) -> None:
    builds = await three_generations(settings)
    before = known(settings)
    shutil.rmtree(settings.catalog)
    assert "lost" in why_rebuild(settings)
    rebuilt = rebuild_catalog(settings, owner_of)
    assert (rebuilt.builds, rebuilt.environments, rebuilt.aside) == (3, 1, None)
    assert known(settings) == before
    assert why_rebuild(settings) == ""
    async with open_house(settings) as house:
        await catch_up(house.intake, house.catalog, settings.specs, owner_of, lambda _: False)
        await house.idle()
        assert house.current("foo") == builds[2].digest
        assert not house.runner.requests, "nothing is built again"
        record = house.build(builds[2])
        assert record
        assert record.package_count == 0
        assert house.environment("foo").owner_uid == os.geteuid()  # type: ignore[union-attr]


async def test_a_roll_back_holds(settings: Settings) -> None:
    builds = await three_generations(settings)
    async with open_house(settings) as house:
        house.clock.now = time.time()
        await house.steering.roll_back(builds[0].name, builds[0].digest)
    before = known(settings)
    (settings.catalog / "data.mdb").write_bytes(b"garbage" * 10_000)
    rebuilt = rebuild_catalog(settings, owner_of)
    assert known(settings) == before
    assert rebuilt.aside
    assert (rebuilt.aside / "data.mdb").read_bytes().startswith(b"garbage")
    async with open_house(settings) as house:
        await catch_up(house.intake, house.catalog, settings.specs, owner_of, lambda _: False)
        assert house.current("foo") == builds[0].digest


async def test_without_logs_generations_follow_the_order_of_the_builds(settings: Settings) -> None:
    builds = await three_generations(settings)
    shutil.rmtree(settings.catalog)
    for path in settings.logs.iterdir():
        path.unlink()
    rebuild_catalog(settings, owner_of)
    found = known(settings)
    assert [found[str(build)] for build in builds] == [1, 2, 3]


@pytest.mark.parametrize(
    ("told", "numbers"),
    [
        ([1, 2, 0], [1, 2, 3]),
        ([1, 0, 3], [1, 2, 3]),
        ([4, 0, 5], [4, 6, 5]),
        ([0, 0, 7, 0], [1, 2, 7, 8]),
        ([0, 1], [2, 1]),
        ([3, 3, 9], [3, 4, 9]),
        ([0, 0, 0], [1, 2, 3]),
    ],
)
def test_generations_that_logs_tell_are_kept(told: list[int], numbers: list[int]) -> None:
    builds = [build_for(specification("foo", f"zz-{number}")) for number in range(len(told))]
    survivors = [
        SurvivingBuild(build, b"{}", place, Sums(0, 0, 0), 0, Told(generation))
        for place, (build, generation) in enumerate(zip(builds, told, strict=True))
    ]
    remembered = remember(survivors, [], 0)
    found = {record.build: record.generation for record, _ in remembered.builds}
    assert [found[build] for build in builds] == numbers
    assert remembered.environments[0].last_generation == max(numbers)


async def test_nothing_is_unneeded_since_before_a_rebuild(settings: Settings) -> None:
    await three_generations(settings)
    with Catalog.open(settings.catalog) as catalog, catalog.snapshot() as snapshot:
        assert min(candidate.unneeded_since for candidate in read_candidates(snapshot)) < time.time() - 500
    before = time.time()
    rebuild_catalog(settings, owner_of)
    with Catalog.open(settings.catalog) as catalog, catalog.snapshot() as snapshot:
        candidates = read_candidates(snapshot)
    assert [candidate.unneeded_since >= before for candidate in candidates] == [True] * 3
    policy = Policy(keep_generations=1, keep_days=30)
    plan = make_plan(judge(candidates, policy, Evidence({}, {}, set()), before + 29 * DAY_SECONDS))
    assert not plan.doomed
    later = make_plan(judge(candidates, policy, Evidence({}, {}, set()), before + 31 * DAY_SECONDS))
    assert len(later.doomed) == 2


async def test_a_deleted_generation_leaves_its_number_free(settings: Settings) -> None:
    builds = await three_generations(settings)
    async with open_house(settings) as house:
        await house.steering.delete_build(builds[1])
        await house.until(builds[1], None)
    shutil.rmtree(settings.catalog)
    rebuild_catalog(settings, owner_of)
    found = known(settings)
    assert (found[str(builds[0])], found[str(builds[2])]) == (1, 3)


async def test_a_file_that_describes_something_else_by_now_is_taken_up_at_the_start(settings: Settings) -> None:
    builds = await three_generations(settings)
    (settings.specs / "foo.yaml").write_bytes(specification("foo", "zz-new"))
    (settings.specs / "bar.yaml").write_bytes(specification("bar"))
    shutil.rmtree(settings.catalog)
    rebuild_catalog(settings, owner_of)
    async with open_house(settings) as house:
        await catch_up(house.intake, house.catalog, settings.specs, owner_of, lambda _: False)
        assert (
            house.current("foo") == builds[2].digest
            or house.current("foo") == build_for(specification("foo", "zz-new")).digest
        )
        await house.idle()
        record = house.build(build_for(specification("foo", "zz-new")))
        assert record
        assert (record.state, record.generation) == (BuildState.READY, 4)
        assert house.state(build_for(specification("bar"))) is BuildState.READY


async def test_an_environment_without_a_file_is_retired_and_keeps_its_builds(settings: Settings) -> None:
    builds = await three_generations(settings)
    (settings.specs / "foo.yaml").unlink()
    shutil.rmtree(settings.catalog)
    rebuild_catalog(settings, owner_of)
    async with open_house(settings) as house:
        record = house.environment("foo")
        assert record
        assert record.is_retired
        assert [house.state(build) for build in builds] == [BuildState.READY] * 3


async def test_a_build_whose_marker_is_damaged_comes_back_too(settings: Settings) -> None:
    builds = await three_generations(settings)
    marker = settings.builds / str(builds[1]) / "conda-meta/condafs/build.json"
    marker.chmod(0o644)
    marker.write_text("{")
    shutil.rmtree(settings.catalog)
    assert rebuild_catalog(settings, owner_of).builds == 3


ANN, BOB = 1001, 1002


def copied_by_bob(settings: Settings) -> Callable[[Path], int]:
    """Bob copies what Ann wrote first: that is refused, and stays, newer than hers."""
    bobs = settings.specs / "zz.yaml"
    bobs.write_bytes(specification("foo", "zz-0"))
    os.utime(bobs, (time.time() + 1000, time.time() + 1000))
    return lambda path: BOB if path == bobs else ANN


def owner_in(settings: Settings) -> tuple[int, str]:
    with Catalog.open(settings.catalog) as catalog, catalog.snapshot() as snapshot:
        (environment,) = snapshot.environments()
        assert {record.owner_uid for record in snapshot.builds()} == {environment.owner_uid}
        return environment.owner_uid, environment.file_name


async def test_a_refused_file_does_not_win_a_name(settings: Settings) -> None:
    async with open_house(settings) as house:
        house.clock.now = time.time() - 1000
        await house.ready("foo.yaml", specification("foo", "zz-0"), ANN)
        finish(settings, specification("foo", "zz-0"), house.clock.now)
    owners = copied_by_bob(settings)
    rebuild_catalog(settings, owners)
    assert owner_in(settings) == (ANN, "foo.yaml")


async def test_nor_when_the_name_is_retired(settings: Settings) -> None:
    async with open_house(settings) as house:
        await house.ready("foo.yaml", specification("foo", "zz-0"), ANN)
        finish(settings, specification("foo", "zz-0"), time.time())
        (settings.specs / "foo.yaml").unlink()
        await house.intake.retire("foo.yaml")
    rebuild_catalog(settings, copied_by_bob(settings))
    assert owner_in(settings) == (ANN, "")


async def test_who_was_given_a_name_keeps_it(settings: Settings) -> None:
    async with open_house(settings) as house:
        await house.ready("foo.yaml", specification("foo", "zz-0"), ANN)
        finish(settings, specification("foo", "zz-0"), time.time())
        await house.intake.give("foo.yaml", BOB)
        content = (settings.specs / "foo.yaml").read_bytes()
        (settings.specs / "foo.yaml").rename(settings.specs / "zz.yaml")
        await house.intake.rename("foo.yaml", "zz.yaml", content, 0, BOB)
    (settings.specs / "foo.yaml").write_bytes(content)
    rebuild_catalog(settings, lambda path: BOB if path.name == "zz.yaml" else ANN)
    assert owner_in(settings) == (BOB, "zz.yaml")


async def test_where_no_log_tells_whose_a_name_is_it_is_nobodys(settings: Settings) -> None:
    async with open_house(settings) as house:
        await house.ready("foo.yaml", specification("foo", "zz-0"), ANN)
        finish(settings, specification("foo", "zz-0"), time.time())
    for path in settings.logs.iterdir():
        path.unlink()
    owners = copied_by_bob(settings)
    assert rebuild_catalog(settings, owners).contested == ("foo",)
    assert owner_in(settings) == (os.geteuid(), "")
    (settings.specs / "zz.yaml").unlink()
    assert rebuild_catalog(settings, owners).contested == ()
    assert owner_in(settings) == (ANN, "foo.yaml")


def test_a_prefix_that_was_never_finished_is_no_build(settings: Settings) -> None:
    (settings.builds / str(build_for(specification("foo"))) / "conda-meta").mkdir(parents=True)
    assert rebuild_catalog(settings, owner_of).builds == 0


def test_a_running_daemon_is_not_disturbed(settings: Settings) -> None:
    settings.catalog.mkdir()
    fd = lock(settings.catalog)
    try:
        with pytest.raises(CatalogError, match="another condafs"):
            rebuild_catalog(settings, owner_of)
        with pytest.raises(CatalogError, match="another condafs"):
            why_rebuild(settings)
    finally:
        os.close(fd)


async def test_what_a_killed_rebuild_left_does_not_stand_in_the_way(settings: Settings) -> None:
    await three_generations(settings)
    (settings.catalog / "data.mdb").write_bytes(b"garbage" * 1000)
    half = settings.state / "catalog.new"
    half.mkdir()
    (half / "data.mdb").write_bytes(b"half of one")
    assert rebuild_catalog(settings, owner_of).builds == 3
    assert not half.exists()
