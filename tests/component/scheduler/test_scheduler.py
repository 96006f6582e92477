import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import trio
import trio.testing

from condafs.builder.runner import Runner
from condafs.catalog import attempts, changes
from condafs.catalog.reader import Snapshot
from condafs.catalog.records import BuildState
from condafs.catalog.store import Catalog
from condafs.config import Settings
from condafs.scheduler import scheduler
from condafs.scheduler.leftovers import find_leftovers
from tests.component.scheduler.scripted import (
    NETWORK,
    UNSATISFIABLE,
    House,
    ScriptedRunner,
    assemble,
    make_settings,
    open_house,
    specification,
)


async def test_a_written_specification_is_built_and_its_name_points_there(house: House) -> None:
    build = await house.write("foo.yaml", specification("foo"))
    await house.until(build, BuildState.READY)
    record = house.build(build)
    assert record
    assert (record.generation, record.size_bytes, record.own_bytes, record.package_count) == (1, 1000, 100, 3)
    assert house.current("foo") == build.digest
    assert house.prefix(build).is_dir()


async def test_no_more_builders_work_than_jobs_allow(house: House) -> None:
    house.runner.hold()
    builds = [await house.write(f"e{i}.yaml", specification(f"e{i}")) for i in range(6)]
    await house.runner.wait_until(lambda: len(house.runner.at_work) == 2)
    assert [house.state(b) for b in builds].count(BuildState.BUILDING) == 2
    house.runner.release()
    for build in builds:
        await house.until(build, BuildState.READY)
    assert house.runner.most_at_work == 2


async def test_progress_is_known_while_a_builder_works_and_not_after(house: House) -> None:
    house.runner.hold()
    build = await house.write("foo.yaml", specification("foo"))
    await house.runner.wait_until(lambda: bool(house.runner.at_work))
    with trio.fail_after(10):
        while house.scheduler.progress(build.digest) is None:
            await trio.testing.wait_all_tasks_blocked(0.001)
    progress = house.scheduler.progress(build.digest)
    assert progress
    assert progress.package == "zz-pure"
    house.runner.release()
    await house.until(build, BuildState.READY)
    await house.idle()
    assert house.scheduler.progress(build.digest) is None


async def test_a_name_keeps_serving_while_its_next_build_fails(house: House) -> None:
    good = await house.write("foo.yaml", specification("foo"))
    await house.until(good, BuildState.READY)
    house.runner.outcomes = [UNSATISFIABLE]
    bad = await house.write("foo.yaml", specification("foo", "zz-nothing"))
    await house.until(bad, BuildState.FAILED)
    assert house.current("foo") == good.digest


async def test_a_newer_specification_supersedes_one_that_waits_for_its_turn(house: House) -> None:
    house.runner.hold()
    blockers = [await house.write(f"b{i}.yaml", specification(f"b{i}")) for i in range(2)]
    await house.runner.wait_until(lambda: len(house.runner.at_work) == 2)
    older = await house.write("foo.yaml", specification("foo", "a"))
    newer = await house.write("foo.yaml", specification("foo", "b"))
    assert house.state(older) is BuildState.SUPERSEDED
    house.runner.release()
    await house.until(newer, BuildState.READY)
    for build in blockers:
        await house.until(build, BuildState.READY)
    assert str(older) not in [request.build for request in house.runner.requests]
    assert house.current("foo") == newer.digest


async def test_a_rollback_holds_against_a_build_in_the_making(house: House) -> None:
    first = await house.write("foo.yaml", specification("foo", "a"))
    await house.until(first, BuildState.READY)
    house.runner.hold()
    second = await house.write("foo.yaml", specification("foo", "b"))
    await house.runner.wait_until(lambda: bool(house.runner.at_work))
    await house.steering.roll_back(first.name, first.digest)
    house.runner.release()
    await house.until(second, BuildState.READY)
    assert house.current("foo") == first.digest
    await house.write("foo.yaml", specification("foo", "b"))
    assert house.current("foo") == second.digest
    assert len(house.runner.requests) == 2


async def test_cancelling_kills_the_builder_and_removes_the_prefix(house: House) -> None:
    house.runner.hold()
    build = await house.write("foo.yaml", specification("foo"))
    await house.runner.wait_until(lambda: bool(house.runner.at_work))
    await house.steering.cancel(build)
    assert house.state(build) is BuildState.CANCELLED
    await house.idle()
    assert house.runner.cancelled == [str(build)]
    assert not house.prefix(build).exists()
    assert "cancelled" in house.log(build)


async def test_a_cancelled_build_that_is_written_again_waits_for_its_old_builder_to_end(house: House) -> None:
    house.runner.hold()
    content = specification("foo")
    build = await house.write("foo.yaml", content)
    await house.runner.wait_until(lambda: bool(house.runner.at_work))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(house.steering.cancel, build)
        nursery.start_soon(house.write, "foo.yaml", content)
    house.runner.release()
    await house.write("foo.yaml", content)
    await house.until(build, BuildState.READY)
    assert house.current("foo") == build.digest


async def test_a_deleted_build_loses_prefix_log_and_record(house: House) -> None:
    first = await house.write("foo.yaml", specification("foo", "a"))
    await house.until(first, BuildState.READY)
    second = await house.write("foo.yaml", specification("foo", "b"))
    await house.until(second, BuildState.READY)
    await house.idle()
    await house.steering.delete_build(first)
    await house.until(first, None)
    await house.idle()
    assert not house.prefix(first).exists()
    assert not (house.settings.logs / f"{first}.log").exists()
    assert house.current("foo") == second.digest


async def test_a_build_whose_export_is_read_keeps_its_files_until_it_is_closed(house: House) -> None:
    first = await house.write("foo.yaml", specification("foo"))
    await house.until(first, BuildState.READY)
    await house.until(await house.write("foo.yaml", specification("foo", "zz-other")), BuildState.READY)
    house.exports.read[first] = trio.Event()
    await house.steering.delete_build(first)
    await trio.testing.wait_all_tasks_blocked(0.01)
    assert house.prefix(first).is_dir()
    assert house.state(first) is BuildState.DELETING
    house.exports.read[first].set()
    await house.until(first, None)
    assert not house.prefix(first).exists()
    assert house.exports.removed == [first]
    assert first in house.exports.prepared
    assert not house.exports.is_building


async def test_a_deleted_build_that_is_written_again_is_made_again_with_a_new_number(house: House) -> None:
    content = specification("foo", "a")
    first = await house.write("foo.yaml", content)
    await house.until(first, BuildState.READY)
    second = await house.write("foo.yaml", specification("foo", "b"))
    await house.until(second, BuildState.READY)
    await house.steering.delete_build(first)
    await house.write("foo.yaml", content)
    await house.until(first, BuildState.READY)
    record = house.build(first)
    assert record
    assert record.generation == 3
    assert house.current("foo") == first.digest
    assert house.prefix(first).is_dir()


async def test_a_crash_costs_a_try_and_the_build_is_made_at_the_next_start(settings: Settings) -> None:
    with Catalog.open(settings.catalog) as catalog:
        house = assemble(settings, catalog)
        build = await house.write("foo.yaml", specification("foo"))
        catalog.write_now(lambda t: attempts.start(t, build.digest, 1.0))
        house.prefix(build).mkdir()  # half made
    async with open_house(settings) as house:
        await house.until(build, BuildState.READY)
        assert house.runner.requests[0].attempt == 2
        assert "the daemon was killed; queued now" in house.log(build)


async def test_a_build_that_kills_the_daemon_each_time_is_given_up(settings: Settings) -> None:
    with Catalog.open(settings.catalog) as catalog:
        house = assemble(settings, catalog)
        build = await house.write("foo.yaml", specification("foo"))
        for _ in range(settings.attempts):
            catalog.write_now(lambda t: attempts.start(t, build.digest, 1.0))
            catalog.write_now(lambda t: attempts.recover(t, settings.attempts, 2.0))
    async with open_house(settings) as house:
        await house.idle()
        record = house.build(build)
        assert record
        assert (record.state, record.failure_kind) == (BuildState.FAILED, "killed")
        await house.intake.retry("foo.yaml")
        await house.until(build, BuildState.READY)


async def test_the_time_of_the_next_try_survives_a_restart(settings: Settings) -> None:
    runner = ScriptedRunner()
    runner.outcomes = [NETWORK]
    async with open_house(settings, runner) as house:
        build = await house.write("foo.yaml", specification("foo"))
        await house.until(build, BuildState.WAITING)
        before = house.build(build)
    async with open_house(settings) as house:
        assert before
        assert house.build(build) == before
        house.turn_clock(before.next_try - house.clock.now - 1)
        await house.idle()
        assert house.state(build) is BuildState.WAITING
        house.turn_clock(1)
        await house.until(build, BuildState.READY)


async def test_a_removal_that_a_crash_interrupted_is_finished(settings: Settings) -> None:
    async with open_house(settings) as house:
        first = await house.write("foo.yaml", specification("foo", "a"))
        await house.until(first, BuildState.READY)
        second = await house.write("foo.yaml", specification("foo", "b"))
        await house.until(second, BuildState.READY)
    with Catalog.open(settings.catalog) as catalog:
        catalog.write_now(lambda t: changes.delete(t, first, 5.0))
    async with open_house(settings) as house:
        await house.until(first, None)
        await house.idle()
        assert not house.prefix(first).exists()
        assert house.prefix(second).exists()


async def test_what_a_crash_left_among_the_builds_is_cleared_away(settings: Settings) -> None:
    runner = ScriptedRunner()
    async with open_house(settings, runner) as house:
        good = await house.write("foo.yaml", specification("foo"))
        await house.until(good, BuildState.READY)
        runner.hold()
        bad = await house.write("bar.yaml", specification("bar"))
        await runner.wait_until(lambda: bool(runner.at_work))
        await house.steering.cancel(bad)
        await house.idle()
    house.prefix(bad).mkdir()  # as if the daemon had been killed before it removed it
    trash = settings.builds / f".{good}.trash-0123abcd"
    trash.mkdir()
    stranger = settings.builds / "lost+found"
    stranger.mkdir()
    async with open_house(settings) as house:
        await house.idle()
    assert sorted(p.name for p in settings.builds.iterdir()) == sorted([str(good), "lost+found"])


async def test_the_clearing_up_leaves_a_removal_that_is_under_way_alone(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_house(settings) as house:
        first = await house.write("foo.yaml", specification("foo", "a"))
        await house.until(first, BuildState.READY)
        second = await house.write("foo.yaml", specification("foo", "b"))
        await house.until(second, BuildState.READY)
    with Catalog.open(settings.catalog) as catalog:
        catalog.write_now(lambda t: changes.delete(t, first, 5.0))
    is_aside, is_swept = threading.Event(), threading.Event()
    trash = settings.builds / f".{first}.trash-00000000"

    def remove_slowly(prefix: Path) -> None:
        prefix.rename(trash)
        is_aside.set()
        assert is_swept.wait(30)
        assert trash.is_dir()
        trash.joinpath("half").unlink()
        trash.rmdir()

    def find_late(builds: Path, snapshot: Callable[[], Snapshot]) -> list[str]:
        assert is_aside.wait(30)
        return find_leftovers(builds, snapshot)

    class SlowRunner(ScriptedRunner):
        async def remove(self, prefix: Path) -> None:
            await trio.to_thread.run_sync(remove_slowly, prefix)

    monkeypatch.setattr(scheduler, "find_leftovers", find_late)
    async with open_house(settings, SlowRunner()) as house:
        while house.scheduler._is_sweeping:
            await trio.testing.wait_all_tasks_blocked(0.001)
        is_swept.set()
        await house.until(first, None)


async def test_the_end_does_not_wait_until_everything_is_cleared_up(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        (settings.builds / f"{number:064x}-foo").mkdir()
    is_clearing, may_go_on = trio.Event(), trio.Event()
    cleared: list[Path] = []

    async def clear_slowly(_: Runner, prefix: Path) -> None:
        cleared.append(prefix)
        is_clearing.set()
        with trio.CancelScope(shield=True):
            await may_go_on.wait()

    monkeypatch.setattr(scheduler, "clear", clear_slowly)
    with trio.fail_after(30):
        async with open_house(settings):
            await is_clearing.wait()
            trio.lowlevel.spawn_system_task(_set_later, may_go_on)
    assert len(cleared) == 1


async def _set_later(event: trio.Event) -> None:
    await trio.testing.wait_all_tasks_blocked()
    event.set()


async def test_a_name_that_is_written_without_end_does_not_starve_others(settings: Settings) -> None:
    runner = ScriptedRunner()
    runner.hold()
    async with open_house(make_settings(settings.state, jobs=1), runner) as house:
        first = await house.write("busy.yaml", specification("busy", "v0"))
        await runner.wait_until(lambda: bool(runner.at_work))
        others = [await house.write(f"o{i}.yaml", specification(f"o{i}")) for i in range(3)]
        for i in range(1, 30):
            last = await house.write("busy.yaml", specification("busy", f"v{i}"))
        runner.release()
        for build in [first, *others, last]:
            await house.until(build, BuildState.READY)
    assert runner.order == ["busy", "o0", "o1", "o2", "busy"]
