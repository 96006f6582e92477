"""A damaged build is made again in its place: the same generation, of the same packages, and the name comes back."""

import hashlib
import os
import shutil

import pytest

from condafs.builder.protocol import Failed, FailureKind
from condafs.catalog import attempts, changes
from condafs.catalog.records import BuildState
from condafs.catalog.store import Catalog
from condafs.config import Settings
from condafs.errors import ForbiddenError, NotFoundError
from condafs.names import BuildName
from condafs.prefix.marker import write_marker
from condafs.prefix.seal import is_trash
from condafs.scheduler.leftovers import digest_in
from condafs.scheduler.renewal import place_of_rehearsal
from tests.component.scheduler.scripted import UNSATISFIABLE, House, build_for, open_house, specification

LOCK = "version: 7\n"


async def made(house: House, content: bytes) -> BuildName:
    """A published build that has a lock."""
    build = await house.write("foo.yaml", content)
    await house.until(build, BuildState.READY)
    meta = house.prefix(build) / "conda-meta"
    (meta / "condafs").mkdir(parents=True)
    (meta / "condafs.lock").write_text(LOCK)
    write_marker(house.prefix(build), build, "{}", lock_sha256=hashlib.sha256(LOCK.encode()).hexdigest())
    return build


async def test_it_is_the_generation_that_it_was_and_current_again(house: House) -> None:
    first, second = await made(house, specification("foo", "zz-1")), await made(house, specification("foo", "zz-2"))
    house.runner.hold()
    await house.steering.renew(second)
    await house.until(second, BuildState.BUILDING)
    assert house.current("foo") is None
    house.runner.release()
    await house.until(second, BuildState.READY)
    assert house.current("foo") == second.digest
    record = house.build(second)
    assert record
    assert record.generation == 2
    assert house.exports.removed == [second], "what was computed of the damaged one is gone"
    third = await made(house, specification("foo", "zz-3"))
    assert house.build(third).generation == 3  # type: ignore[union-attr]
    assert house.state(first) is BuildState.READY


async def test_its_lock_is_handed_to_the_builder_and_kept_until_it_is_published(house: House) -> None:
    build = await made(house, specification("foo"))
    house.runner.outcomes = [Failed(FailureKind.NETWORK, "no route")]
    await house.steering.renew(build)
    await house.until_tried(build, 1, BuildState.WAITING)
    assert house.runner.requests[-1].lock == LOCK
    house.turn_clock(1000)
    await house.until(build, BuildState.READY)
    await house.idle()
    assert house.runner.requests[-1].lock == LOCK
    assert not list(house.settings.locks.iterdir())


async def test_when_its_packages_are_gone_the_next_try_solves_anew(house: House) -> None:
    build = await made(house, specification("foo"))
    house.runner.outcomes = [UNSATISFIABLE]
    await house.steering.renew(build)
    await house.until(build, BuildState.READY)
    await house.idle()
    await house.steering.renew(build)
    await house.until(build, BuildState.READY)
    await house.idle()
    assert house.runner.requests[-1].lock == ""
    assert not list(house.settings.locks.iterdir())
    assert house.build(build).generation == 1  # type: ignore[union-attr]


async def test_a_damaged_build_stays_when_it_cannot_be_made_again(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    build = await made(house, specification("foo"))
    (house.prefix(build) / "mine").touch()
    house.runner.outcomes = [Failed(FailureKind.NETWORK, "no route"), UNSATISFIABLE]
    await house.steering.renew(build)
    await house.until_tried(build, 1, BuildState.WAITING)
    assert (house.prefix(build) / "mine").exists()
    house.turn_clock(1000)
    await house.until(build, BuildState.READY)
    await house.idle()
    assert (house.prefix(build) / "mine").exists()
    assert os.listdir(house.settings.builds) == [str(build)]
    assert house.current("foo") == build.digest
    assert house.build(build).generation == 1  # type: ignore[union-attr]
    assert "could not be made again (unsatisfiable), and is as it was, damaged" in house.log(build)
    assert "could not be made again" in caplog.text


async def test_what_is_made_again_takes_the_place_of_the_damaged_one(house: House) -> None:
    build = await made(house, specification("foo"))
    (house.prefix(build) / "mine").touch()
    await house.steering.renew(build)
    await house.until(build, BuildState.READY)
    await house.idle()
    assert not (house.prefix(build) / "mine").exists()
    assert os.listdir(house.settings.builds) == [str(build)]
    first, last = house.runner.requests[-2:]
    assert (first.prefix != last.prefix, last.prefix) == (True, str(house.prefix(build)))
    assert is_leftover_name(first.prefix)


async def test_a_daemon_that_is_killed_each_time_leaves_the_damaged_one(settings: Settings) -> None:
    async with open_house(settings) as house:
        build = await made(house, specification("foo"))
    with Catalog.open(settings.catalog) as catalog:
        catalog.write_now(lambda transaction: changes.renew(transaction, build, 1))
        for number in range(settings.attempts):
            catalog.write_now(lambda transaction: attempts.start(transaction, build.digest, 2))
            with catalog.snapshot() as snapshot:
                assert snapshot.build(build.digest).attempts == number + 1  # type: ignore[union-attr]
            catalog.write_now(lambda transaction: attempts.recover(transaction, settings.attempts, 3))
    place_of_rehearsal(settings, build).mkdir()
    async with open_house(settings) as house:
        await house.until(build, BuildState.READY)
        await house.idle()
        assert not house.runner.requests
        assert os.listdir(settings.builds) == [str(build)]
        assert house.current("foo") == build.digest


def is_leftover_name(prefix: str) -> bool:
    name = prefix.rpartition("/")[2]
    return is_trash(name) and digest_in(name) is not None


async def test_a_damaged_lock_is_not_believed(house: House) -> None:
    build = await made(house, specification("foo"))
    (house.prefix(build) / "conda-meta/condafs.lock").write_text("version: 8\n")
    await house.steering.renew(build)
    await house.until(build, BuildState.READY)
    await house.idle()
    assert house.runner.requests[-1].lock == ""


async def test_an_old_generation_is_made_again_although_nobody_wants_it(house: House) -> None:
    first, second = await made(house, specification("foo", "zz-1")), await made(house, specification("foo", "zz-2"))
    house.runner.hold()
    await house.steering.renew(first)
    await house.write("foo.yaml", specification("foo", "zz-3"))
    house.runner.release()
    await house.idle([first])
    assert house.state(first) is BuildState.READY
    assert house.build(first).generation == 1  # type: ignore[union-attr]
    assert house.state(second) is BuildState.READY


async def test_what_was_never_published_is_not_made_again(house: House) -> None:
    house.runner.outcomes = [UNSATISFIABLE]
    build = await house.write("foo.yaml", specification("foo"))
    await house.until(build, BuildState.FAILED)
    with pytest.raises(ForbiddenError, match="never published"):
        await house.steering.renew(build)
    with pytest.raises(NotFoundError):
        await house.steering.renew(build_for(specification("bar")))


async def test_it_is_not_cancelled_for_people_may_use_what_is_there(house: House) -> None:
    build = await made(house, specification("foo"))
    house.runner.hold()
    await house.steering.renew(build)
    for state in (BuildState.QUEUED, BuildState.BUILDING):
        await house.until(build, state)
        with pytest.raises(ForbiddenError, match="made again in its place"):
            await house.steering.cancel(build)
        with pytest.raises(ForbiddenError, match="made again in its place"):
            await house.steering.delete_build(build)
    house.runner.release()
    await house.until(build, BuildState.READY)
    assert house.prefix(build).exists()


async def test_without_room_for_a_note_it_fails_as_any_other(house: House) -> None:
    build = await made(house, specification("foo"))
    house.runner.outcomes = [UNSATISFIABLE]
    house.runner.hold()
    await house.steering.renew(build)
    await house.runner.wait_until(lambda: bool(house.runner.at_work))  # and its lock is kept by now
    shutil.rmtree(house.settings.locks)
    house.settings.locks.write_text("in the way")  # as a full disk is
    house.runner.release()
    await house.until(build, BuildState.READY)
    house.settings.locks.unlink()
