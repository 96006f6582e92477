"""What becomes of a try: published, tried again later, given up, interrupted; and what is told of it."""

import pytest
import trio
import trio.testing

from condafs.builder.protocol import Failed, FailureKind
from condafs.catalog.records import BuildState
from condafs.catalog.store import Catalog
from condafs.config import Settings
from condafs.scheduler import patience
from tests.component.scheduler.scripted import NETWORK, UNSATISFIABLE, House, ScriptedRunner, open_house, specification


async def test_the_builder_is_told_all_it_needs(house: House) -> None:
    build = await house.write("foo.yaml", specification("foo"))
    await house.until(build, BuildState.READY)
    request = house.runner.requests[0]
    assert request.build == str(build)
    assert request.prefix == str(house.prefix(build))
    assert request.attempt == 1
    with house.catalog.snapshot() as snapshot:
        assert request.specification.encode() == snapshot.specification(build.digest)


async def test_the_log_tells_how_a_build_goes(house: House) -> None:
    house.runner.outcomes = [NETWORK]
    build = await house.write("foo.yaml", specification("foo"))
    await house.until(build, BuildState.WAITING)
    await house.idle()
    house.turn_clock(1000)
    await house.until(build, BuildState.READY)
    await house.idle()
    lines = [line[20:] if line[:2] == "20" else line for line in house.log(build).splitlines()]
    assert lines[:3] == ["queued", "try 1 of 3", "builder speaking"]
    assert lines[3].startswith("try 1 of 3 failed (network); the next is at 20")
    assert lines[4:6] == ["try 2 of 3", "builder speaking"]
    assert lines[6].endswith("foo is generation 1 now")


async def test_a_passing_failure_is_tried_again_later_and_success_clears_it(house: House) -> None:
    house.runner.outcomes = [NETWORK, NETWORK]
    build = await house.write("foo.yaml", specification("foo"))
    for attempt, wait in ((1, 5), (2, 10)):
        record = await house.until_tried(build, attempt, BuildState.WAITING)
        assert (record.failure_kind, record.failure_message) == ("network", "connection reset")
        assert wait <= record.next_try - house.clock.now <= 1.25 * wait
        assert not house.prefix(build).exists()
        house.turn_clock(record.next_try - house.clock.now - 0.1)
        assert not house.scheduler.is_busy
        house.turn_clock(0.2)
    await house.until(build, BuildState.READY)
    done = house.build(build)
    assert done
    assert (done.attempts, done.failure_kind, done.failure_message, done.next_try) == (0, "", "", 0)


async def test_tries_are_limited(house: House) -> None:
    house.runner.outcomes = [NETWORK] * 9
    build = await house.write("foo.yaml", specification("foo"))
    for attempt in (1, 2):
        await house.until_tried(build, attempt, BuildState.WAITING)
        house.turn_clock(1000)
    await house.until(build, BuildState.FAILED)
    assert len(house.runner.requests) == 3


async def test_a_lasting_failure_is_final_at_once_and_leaves_no_prefix(house: House) -> None:
    house.runner.outcomes = [UNSATISFIABLE]
    build = await house.write("foo.yaml", specification("foo"))
    await house.until(build, BuildState.FAILED)
    record = house.build(build)
    assert record
    assert record.failure_message == "nothing provides zz-nothing"
    assert not house.prefix(build).exists()
    assert len(house.runner.requests) == 1


async def test_a_runner_that_breaks_fails_its_build_and_nothing_else(house: House) -> None:
    house.runner.outcomes = [RuntimeError("defect"), OSError(28, "No space left on device")]
    first = await house.write("foo.yaml", specification("foo"))
    await house.until(first, BuildState.FAILED)
    second = await house.write("bar.yaml", specification("bar"))
    await house.until(second, BuildState.WAITING)
    record = house.build(second)
    assert record
    assert record.failure_kind == "disk-full"


async def test_very_long_explanations_are_clipped_in_the_catalog(house: House) -> None:
    house.runner.outcomes = [Failed(FailureKind.UNSATISFIABLE, "x" * 100_000)]
    build = await house.write("foo.yaml", specification("foo"))
    await house.until(build, BuildState.FAILED)
    record = house.build(build)
    assert record
    assert len(record.failure_message) < 20_000


async def test_an_older_build_that_ends_last_is_kept_but_does_not_take_the_name(house: House) -> None:
    house.runner.hold()
    older = await house.write("foo.yaml", specification("foo", "a"))
    await house.runner.wait_until(lambda: len(house.runner.at_work) == 1)
    newer = await house.write("foo.yaml", specification("foo", "b"))
    house.runner.release()
    await house.until(newer, BuildState.READY)
    await house.until(older, BuildState.READY)
    assert house.current("foo") == newer.digest


async def test_an_unwanted_build_that_fails_is_not_tried_again(house: House) -> None:
    house.runner.hold()
    house.runner.outcomes = [NETWORK]
    older = await house.write("foo.yaml", specification("foo", "a"))
    await house.runner.wait_until(lambda: len(house.runner.at_work) == 1)
    with house.catalog.snapshot() as snapshot:
        assert snapshot.build(older.digest)
    settings = house.settings
    assert settings.jobs == 2
    blocker = await house.write("b.yaml", specification("b"))
    await house.runner.wait_until(lambda: len(house.runner.at_work) == 2)
    newer = await house.write("foo.yaml", specification("foo", "b"))
    house.runner.outcomes = [NETWORK, NETWORK]
    house.runner.release()
    await house.until(older, BuildState.SUPERSEDED)
    assert house.state(blocker) is not None
    assert house.state(newer) is not None


async def test_an_end_in_good_order_costs_no_try(settings: Settings) -> None:
    runner = ScriptedRunner()
    runner.hold()
    async with open_house(settings, runner) as house:
        build = await house.write("foo.yaml", specification("foo"))
        await runner.wait_until(lambda: bool(runner.at_work))
    assert runner.cancelled == [str(build)]
    with Catalog.open(settings.catalog) as catalog, catalog.snapshot() as snapshot:
        record = snapshot.build(build.digest)
    assert record
    assert (record.state, record.attempts) == (BuildState.QUEUED, 0)
    async with open_house(settings) as house:
        await house.until(build, BuildState.READY)


async def test_a_full_disk_keeps_a_finished_build_waiting_until_there_is_room(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patience, "FULL_SECONDS", 0.01)
    async with open_house(settings) as house:
        house.runner.hold()
        build = await house.write("foo.yaml", specification("foo"))
        await house.runner.wait_until(lambda: bool(house.runner.at_work))
        refused = _refuse_next_writes(house, 1_000_000)
        house.runner.release()
        with trio.fail_after(30):
            while not house.scheduler.obstacle(build.digest):
                await trio.testing.wait_all_tasks_blocked(0.001)
        assert "no room left" in house.scheduler.obstacle(build.digest)
        assert house.state(build) is BuildState.BUILDING
        refused.clear()
        await house.until(build, BuildState.READY)
        await house.idle()
        assert house.scheduler.obstacle(build.digest) == ""


def _refuse_next_writes(house: House, count: int) -> list[Exception]:
    """The disk is full for as many commits as that."""
    import lmdb  # noqa: PLC0415

    left: list[Exception] = [lmdb.DiskError("No space left on device", 28) for _ in range(count)]
    real = house.catalog._try_commit

    def commit(jobs):  # type: ignore[no-untyped-def]  # noqa: ANN001, ANN202
        if left:
            raise left.pop()
        return real(jobs)

    house.catalog._try_commit = commit  # type: ignore[method-assign]
    return left
