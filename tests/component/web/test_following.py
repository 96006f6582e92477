"""Following logs and the journal: everybody sees everything once, and the mount is asked by one for all."""

from collections.abc import Callable
from contextlib import ExitStack

import pytest
import trio
from trio.testing import MockClock

from condafs.errors import CatalogError
from condafs.names import BuildName
from condafs.web.following import JOURNAL_SECONDS, LOG_SECONDS, READ_BYTES, WINDOW_BYTES, Follower, Tail, read_log
from tests.component.web.direct import DirectMount
from tests.component.web.laid import Laid


@pytest.fixture
def mount(laid: Laid) -> DirectMount:
    return DirectMount(laid.envs)


@pytest.fixture
def follower(laid: Laid, mount: DirectMount, nursery: trio.Nursery) -> Follower:
    return Follower(laid.catalog, mount, nursery)


async def read_all(follower: Follower, mount: DirectMount, build: BuildName, offset: int = 0) -> bytes:
    """As the route does it: what is in memory, or the log itself for what is further back."""
    found = bytearray()
    with follower.following(build) as tail:
        while True:
            bell, has_ended = tail.bell.event, tail.has_ended
            while offset + len(found) < tail.end:
                found += await _more(mount, tail, offset + len(found))
            if has_ended:
                return bytes(found)
            await bell.wait()


async def _more(mount: DirectMount, tail: Tail, offset: int) -> bytes:
    if offset >= tail.start:
        return tail.after(offset)
    return await mount.ask(read_log, tail.build, offset, min(READ_BYTES, tail.start - offset))


class Readers:
    """Followers of one log, and what each of them saw."""

    def __init__(self, follower: Follower, mount: DirectMount, nursery: trio.Nursery) -> None:
        self._follower, self._mount, self._nursery = follower, mount, nursery
        self.seen: dict[int, bytes] = {}
        self.ended = trio.Event()
        self._count = 0

    def add(self, build: BuildName, count: int = 1) -> None:
        for _ in range(count):
            self._nursery.start_soon(self._read, build, self._count)
            self._count += 1

    async def _read(self, build: BuildName, place: int) -> None:
        self.seen[place] = await read_all(self._follower, self._mount, build)
        if len(self.seen) == self._count:
            self.ended.set()


@pytest.fixture
def readers(follower: Follower, mount: DirectMount, nursery: trio.Nursery) -> Readers:
    return Readers(follower, mount, nursery)


async def test_followers_early_and_late_see_the_same_bytes(
    laid: Laid, readers: Readers, autojump_clock: MockClock
) -> None:
    build = laid.submit("foo")
    laid.start(build)
    readers.add(build)
    for number in range(20):
        laid.log(build, b"%d\n" % number * 12_000)
        if number == 10:
            readers.add(build)
        await trio.sleep(LOG_SECONDS * 0.7)
    readers.add(build)
    laid.publish(build)
    with trio.fail_after(60):
        await readers.ended.wait()
    whole = (laid.mount / f".logs/{build}.log").read_bytes()
    assert set(readers.seen.values()) == {whole}
    assert len(whole) > 2 * WINDOW_BYTES


async def test_fifty_followers_cost_the_mount_what_one_does(
    laid: Laid, readers: Readers, mount: DirectMount, autojump_clock: MockClock
) -> None:
    build = laid.submit("foo")
    laid.start(build)
    readers.add(build, 50)
    for number in range(10):
        laid.log(build, b"line %d\n" % number)
        await trio.sleep(LOG_SECONDS)
    looks = mount.asked["read_log"]
    assert 10 <= looks <= 13
    laid.publish(build)
    await readers.ended.wait()
    assert len(readers.seen) == 50
    assert len(set(readers.seen.values())) == 1


async def test_a_log_that_will_not_grow_ends(
    laid: Laid, follower: Follower, mount: DirectMount, autojump_clock: MockClock
) -> None:
    build = laid.make_ready("foo")
    begin = trio.current_time()
    assert await read_all(follower, mount, build) == b"queued\nsealed\n"
    assert trio.current_time() - begin < 5


async def test_a_log_that_is_not_there_ends(
    laid: Laid, follower: Follower, mount: DirectMount, autojump_clock: MockClock
) -> None:
    build = laid.make_ready("foo")
    (laid.mount / f".logs/{build}.log").unlink()
    assert await read_all(follower, mount, build) == b""


async def test_a_log_longer_than_what_is_kept_in_memory_is_read_from_any_place(
    laid: Laid, follower: Follower, mount: DirectMount, autojump_clock: MockClock
) -> None:
    build = laid.make_ready("foo")
    laid.log(build, bytes(range(256)) * (5 * WINDOW_BYTES // 256))
    whole = (laid.mount / f".logs/{build}.log").read_bytes()
    for offset in (0, 1, WINDOW_BYTES, len(whole) - WINDOW_BYTES, len(whole) - 1, len(whole), len(whole) + 99):
        assert await read_all(follower, mount, build, offset) == whole[offset:]


async def test_a_daemon_that_is_away_for_a_moment_loses_nobody_anything(
    laid: Laid, readers: Readers, mount: DirectMount, autojump_clock: MockClock
) -> None:
    build = laid.submit("foo")
    readers.add(build)
    await trio.sleep(1)
    mount.is_away = True
    readers.add(build)
    laid.publish(build)
    await trio.sleep(10)
    assert not readers.seen, "the end is not known before the log was read"
    mount.is_away = False
    await readers.ended.wait()
    assert set(readers.seen.values()) == {b"queued\nsealed\n"}


async def test_who_goes_before_the_mount_answers_leaves_nobody_without_a_reader(
    laid: Laid, follower: Follower, mount: DirectMount, readers: Readers, autojump_clock: MockClock
) -> None:
    build = laid.make_ready("foo")
    mount.may_answer = trio.Event()
    with trio.move_on_after(1):
        await read_all(follower, mount, build)
    with trio.move_on_after(1):
        await read_all(follower, mount, build)
    mount.may_answer.set()
    with trio.fail_after(10):
        assert await read_all(follower, mount, build) == b"queued\nsealed\n"


async def test_nobody_looks_when_nobody_follows(
    laid: Laid, follower: Follower, mount: DirectMount, autojump_clock: MockClock
) -> None:
    build = laid.submit("foo")
    with trio.move_on_after(1):
        await read_all(follower, mount, build)
    looks = mount.asked.copy()
    await trio.sleep(10)
    assert mount.asked["read_log"] <= looks["read_log"] + 1
    assert not follower._tails


async def test_progress_is_told_as_it_changes(laid: Laid, follower: Follower, autojump_clock: MockClock) -> None:
    build = laid.submit("foo")
    laid.start(build)
    with follower.following(build) as tail:
        for done in (1, 2):
            laid.set_status(build, phase="fetch", done=done, total=9)
            await _until(lambda done=done: tail.progress.get("done") == done, tail)  # type: ignore[misc]
    assert (tail.progress["phase"], tail.progress["total"]) == ("fetch", 9)


async def _until(condition: Callable[[], bool], tail: Tail) -> None:
    with trio.fail_after(60):
        while not condition():
            await tail.bell.event.wait()


async def test_a_catalog_that_cannot_answer_for_a_moment_ends_nothing(
    laid: Laid, follower: Follower, mount: DirectMount, monkeypatch: pytest.MonkeyPatch, autojump_clock: MockClock
) -> None:
    build = laid.submit("foo")
    snapshot = laid.catalog.snapshot

    def refuse() -> None:
        msg = "no"
        raise CatalogError(msg)

    with follower.following(build) as tail, follower.watching() as bell:
        await trio.sleep(1)
        monkeypatch.setattr(laid.catalog, "snapshot", refuse)
        await trio.sleep(5)
        monkeypatch.setattr(laid.catalog, "snapshot", snapshot)
        news = bell.event
        laid.publish(build)
        with trio.fail_after(5):
            await news.wait()
            while not tail.has_ended:
                await tail.bell.event.wait()


async def test_news_ring_for_everybody(laid: Laid, follower: Follower, autojump_clock: MockClock) -> None:
    heard = []

    async def listen(number: int) -> None:
        with follower.watching() as bell:
            for _ in range(2):
                await bell.event.wait()
                heard.append(number)

    async with trio.open_nursery() as nursery:
        for number in range(3):
            nursery.start_soon(listen, number)
        await trio.sleep(1)
        laid.submit("foo")
        await trio.sleep(1)
        assert sorted(heard) == [0, 1, 2]
        laid.submit("bar")
    assert sorted(heard) == [0, 0, 1, 1, 2, 2]


async def test_what_happens_as_soon_as_somebody_watches_rings(
    laid: Laid, follower: Follower, autojump_clock: MockClock
) -> None:
    with follower.watching() as bell:
        laid.submit("foo")  # before the task that watches had a turn
        with trio.fail_after(2 * JOURNAL_SECONDS):
            await bell.event.wait()


async def test_watchers_that_come_and_go_leave_one_looking(
    laid: Laid, follower: Follower, autojump_clock: MockClock
) -> None:
    before = len(follower._nursery.child_tasks)
    with ExitStack() as stack:
        for _ in range(20):
            with follower.watching():
                await trio.sleep(JOURNAL_SECONDS / 10)
        stack.enter_context(follower.watching())
        await trio.sleep(1)
        assert len(follower._nursery.child_tasks) == before + 1
    await trio.sleep(1)
    assert len(follower._nursery.child_tasks) == before
