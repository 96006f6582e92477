"""The daemon's collector over a real catalog and scheduler, with a scripted builder."""

import math
import subprocess
from collections.abc import AsyncIterator, Collection, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import trio
from inotify_simple import INotify, flags

from condafs.builder.protocol import Failed, FailureKind, Phase
from condafs.catalog.records import BuildState
from condafs.catalog.store import Catalog
from condafs.config import Settings
from condafs.garbage import collector as module
from condafs.garbage.collector import Collector
from condafs.garbage.processes import Look, Process, look
from condafs.names import BuildName, EnvironmentName
from condafs.scheduler import room
from tests.component.scheduler.scripted import House, assemble, make_settings, specification

FULL = 1 << 62
"""Bytes that no disk has free."""


class Reading:
    """Who computes exports: these are open."""

    def __init__(self) -> None:
        self.open: set[BuildName] = set()

    def count_open(self, name: EnvironmentName) -> dict[BuildName, int]:
        return {build: 1 for build in self.open if build.name == name}


@dataclass
class Place:
    """A house with a collector."""

    house: House
    collector: Collector
    exports: Reading


@asynccontextmanager
async def open_place(settings: Settings, *, is_shared: bool = False) -> AsyncIterator[Place]:
    with Catalog.open(settings.catalog) as catalog:
        exports = Reading()
        collector = Collector(catalog, settings, exports, is_shared=is_shared)
        house = assemble(settings, catalog, room=collector)
        collector.serve(house.steering.delete_build)
        async with trio.open_nursery() as nursery:
            await nursery.start(house.scheduler.run)
            yield Place(house, collector, exports)
            nursery.cancel_scope.cancel()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return make_settings(tmp_path / "s", gc_keep_generations=1, gc_keep_days=0, gc_free_bytes=0)


async def published(house: House, *versions: str) -> list[BuildName]:
    builds = []
    for version in versions:
        builds.append(await house.write("foo.yaml", specification("foo", f"zz-{version}")))
        await house.until(builds[-1], BuildState.READY)
    return builds


@contextmanager
def standing_in(prefix: Path) -> Iterator[None]:
    """A process whose working directory it is."""
    with subprocess.Popen(["sleep", "1000"], cwd=prefix) as process:
        try:
            yield
        finally:
            process.kill()


async def appearance(file: Path) -> None:
    """Wait until a file is there that another task makes."""
    with trio.fail_after(10), INotify() as notices:
        notices.add_watch(file.parent, flags.CREATE)
        while not file.exists():  # noqa: ASYNC240 - quick
            await trio.lowlevel.wait_readable(notices)
            notices.read(timeout=0)


def short_of_room(place: Place) -> Settings:
    """From now on."""
    settings = replace(place.house.settings, gc_free_bytes=FULL)
    place.collector._settings = settings
    return settings


async def test_before_a_build_begins_a_short_disk_is_collected(settings: Settings) -> None:
    async with open_place(settings) as place:
        builds = await published(place.house, "a", "b", "c")
        short_of_room(place)
        (last,) = await published(place.house, "d")
        assert [place.house.state(build) for build in builds] == [None, None, BuildState.READY]
        assert place.house.current("foo") == last.digest


async def test_with_room_enough_nothing_is_collected(settings: Settings) -> None:
    async with open_place(settings) as place:
        builds = await published(place.house, "a", "b", "c")
        assert {place.house.state(build) for build in builds} == {BuildState.READY}


async def test_a_build_that_found_the_disk_full_has_it_collected_before_its_next_try(settings: Settings) -> None:
    async with open_place(settings) as place:
        builds = await published(place.house, "a", "b")
        place.house.runner.outcomes = [Failed(FailureKind.DISK_FULL, "no room", Phase.FETCH)]
        third = await place.house.write("foo.yaml", specification("foo", "zz-c"))
        await place.house.until(third, BuildState.WAITING)
        assert place.house.state(builds[0]) is BuildState.READY
        place.house.turn_clock(1000)
        await place.house.until(third, BuildState.READY)
        assert [place.house.state(build) for build in builds] == [None, BuildState.READY]


async def test_what_is_used_or_exported_stays(settings: Settings) -> None:
    async with open_place(settings) as place:
        builds = await published(place.house, "a", "b", "c")
        place.exports.open = {builds[0]}
        with standing_in(place.house.prefix(builds[1])):
            short_of_room(place)
            await published(place.house, "d")
        assert {place.house.state(build) for build in builds} == {BuildState.READY}


async def test_it_is_not_done_again_for_each_of_many_builds(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with open_place(settings) as place:
        collected: list[float] = []

        async def collect(self: Collector, delete: module.Delete) -> None:
            collected.append(trio.current_time())

        monkeypatch.setattr(Collector, "_collect", collect)
        short_of_room(place)
        async with trio.open_nursery() as nursery:
            for _ in range(20):
                nursery.start_soon(lambda: place.collector.make_room(is_short=False))
        assert len(collected) == 1
        monkeypatch.setattr(module, "PAUSE_SECONDS", 0)
        await place.collector.make_room(is_short=True)
        assert len(collected) == 2


async def test_who_cannot_see_others_processes_collects_nothing(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "look", lambda: Look({}, [Process(7, 1234, "python")]))
    monkeypatch.setattr(Collector, "is_used", never_used)
    async with open_place(settings, is_shared=True) as place:
        builds = await published(place.house, "a", "b")
        short_of_room(place)
        await published(place.house, "c")
        assert {place.house.state(build) for build in builds} == {BuildState.READY}
    assert "1 processes of 1 other users cannot be looked into" in caplog.text


async def never_used(self: Collector, build: BuildName) -> bool:
    return False


async def test_somebody_else_can_be_asked_and_is_waited_for(settings: Settings, tmp_path: Path) -> None:
    request = tmp_path / "collect"
    async with open_place(replace(settings, gc_request=request)) as place:
        builds = await published(place.house, "a", "b")
        place.collector._settings = replace(short_of_room(place), gc_request=request)
        third = await place.house.write("foo.yaml", specification("foo", "zz-c"))
        await appearance(request)
        assert place.house.runner.order == ["foo", "foo"], "the third waits"
        request.unlink()
        await place.house.until(third, BuildState.READY)
        assert {place.house.state(build) for build in builds} == {BuildState.READY}


async def test_a_build_does_not_wait_for_ever_nor_fail_when_nobody_collects(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.05)
    monkeypatch.setattr(module, "PAUSE_SECONDS", 0)
    for request in (tmp_path / "collect", tmp_path / "missing" / "collect"):
        async with open_place(replace(settings, gc_request=request)) as place:
            place.collector._settings = replace(short_of_room(place), gc_request=request)
            await published(place.house, f"c{request.parent.name.replace('_', '')}")
    assert "the collection failed" in caplog.text


async def test_the_files_of_a_deleted_build_stay_while_a_process_uses_them(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "USED_SECONDS", 0.05)
    monkeypatch.setattr(room, "WANTED_SECONDS", 0.05)
    tell, looks = trio.open_memory_channel[None](math.inf)

    def look_and_tell(*, partly: Collection[int] = ()) -> Look:
        seen = look(partly=partly)
        trio.from_thread.run_sync(tell.send_nowait, None)
        return seen

    monkeypatch.setattr(module, "look", look_and_tell)
    async with open_place(settings) as place:
        first, _ = await published(place.house, "a", "b")
        with standing_in(place.house.prefix(first)):
            await place.house.steering.delete_build(first)
            with trio.fail_after(10):
                for _ in range(3):
                    await looks.receive()
            assert place.house.state(first) is BuildState.DELETING
            assert (place.house.prefix(first) / "half").exists()
        await place.house.until(first, None)
        assert not place.house.prefix(first).exists()


async def test_a_deleted_build_that_is_used_is_published_as_it_was_when_it_is_wanted_again(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "WANTED_SECONDS", 0.05)
    async with open_place(settings) as place:
        first, _ = await published(place.house, "a", "b")
        inode = place.house.prefix(first).stat().st_ino
        with standing_in(place.house.prefix(first)):
            await place.house.steering.delete_build(first)
            await place.house.write("foo.yaml", specification("foo", "zz-a"))
            await place.house.until(first, BuildState.READY)
        assert place.house.current("foo") == first.digest
        assert place.house.prefix(first).stat().st_ino == inode
        record = place.house.build(first)
        assert record
        assert record.generation == 1
        await place.house.steering.roll_back(EnvironmentName("foo"), first.digest)


async def test_a_removal_that_had_begun_before_a_crash_waits_for_nobody(settings: Settings) -> None:
    async with open_place(settings) as place:
        first, _ = await published(place.house, "a", "b")
        prefix = place.house.prefix(first)
        environment = {"CONDA_PREFIX": str(prefix), "PATH": "/usr/bin:/bin"}
        with subprocess.Popen(["sleep", "1000"], env=environment) as process:  # noqa: ASYNC220 - at once
            try:
                prefix.rename(prefix.with_name(f".{prefix.name}.trash-00"))
                await place.house.steering.delete_build(first)
                await place.house.until(first, None)
            finally:
                process.kill()


async def test_all_who_ask_at_a_time_share_a_look(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    looks: list[object] = []

    def look(**options: object) -> Look:
        looks.append(options)
        return Look({})

    monkeypatch.setattr(module, "look", look)
    async with open_place(settings) as place:
        build = BuildName.parse(f"{'a' * 64}-foo")
        async with trio.open_nursery() as nursery:
            for _ in range(100):
                nursery.start_soon(place.collector.is_used, build)
    assert len(looks) <= 2
