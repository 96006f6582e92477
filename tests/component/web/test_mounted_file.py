"""Files of the mount that are sent."""

import gc
import os
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import trio
from starlette.requests import Request

from condafs.errors import MachineError, NotFoundError
from condafs.web.errors import BusyError
from condafs.web.mount import Mount
from condafs.web.mounted_file import PIECE_BYTES, Content, MountedFile, serve_content
from condafs.web.streams import Streams
from tests.component.web.asgi import Exchange, exchange
from tests.component.web.laid import Laid

CONTENT = os.urandom(2 * PIECE_BYTES + 12345)
ETAG = '"x"'


@pytest.fixture
def mount(laid: Laid) -> Mount:
    (laid.mount / "file").write_bytes(CONTENT)
    return Mount(laid.envs)


async def until(condition: Callable[[], bool]) -> None:
    """What other threads do at once."""
    with trio.fail_after(20):
        while not await trio.to_thread.run_sync(condition):
            pass


def is_open(path: Path) -> bool:
    """Whether this process has a file open."""
    links = [f"/proc/self/fd/{fd}" for fd in os.listdir("/proc/self/fd")]
    return any(os.path.realpath(link) == str(path) for link in links)


async def serve(mount: Mount, streams: Streams, method: str = "GET", **headers: str) -> Exchange:
    file = await MountedFile.open(mount, "file")
    found = exchange(method, headers={name.replace("_", "-"): value for name, value in headers.items()})
    response = serve_content(Request(found.scope), Content.whole(file), streams, {"etag": ETAG})
    return await found.run(response)


async def test_a_file_is_sent_whole_counted_and_closed(mount: Mount) -> None:
    streams = Streams()
    found = await serve(mount, streams)
    assert (found.status, found.body, found.is_whole) == (200, CONTENT, True)
    assert found.headers == {"etag": ETAG, "accept-ranges": "bytes", "content-length": str(len(CONTENT))}
    assert (streams.bytes_sent, streams.open) == (len(CONTENT), 0)
    await until(lambda: not is_open(mount.envs.mount / "file"))


@pytest.mark.parametrize(
    ("header", "part"),
    [
        ("bytes=0-0", slice(0, 1)),
        (f"bytes={PIECE_BYTES - 1}-{PIECE_BYTES}", slice(PIECE_BYTES - 1, PIECE_BYTES + 1)),
        ("bytes=-7", slice(-7, None)),
        ("bytes=5-", slice(5, None)),
    ],
)
async def test_a_part_is_a_slice(mount: Mount, header: str, part: slice) -> None:
    found = await serve(mount, Streams(), range=header)
    assert (found.status, found.body) == (206, CONTENT[part])


@pytest.mark.parametrize(
    ("method", "headers", "status", "length"),
    [
        ("HEAD", {}, 200, str(len(CONTENT))),
        ("HEAD", {"range": "bytes=0-1"}, 200, str(len(CONTENT))),
        ("GET", {"if_none_match": ETAG}, 304, None),
        ("GET", {"range": f"bytes={len(CONTENT)}-"}, 416, "0"),
    ],
)
async def test_what_has_no_body_closes_the_file(
    mount: Mount, method: str, headers: dict[str, str], status: int, length: str | None
) -> None:
    streams = Streams()
    found = await serve(mount, streams, method, **headers)
    assert (found.status, found.body, found.headers.get("content-length")) == (status, b"", length)
    assert streams.bytes_sent == 0
    await until(lambda: not is_open(mount.envs.mount / "file"))


async def test_a_part_of_a_file_that_is_a_thing_of_its_own_is_sent_like_one(mount: Mount) -> None:
    file = await MountedFile.open(mount, "file")
    found = exchange(headers={"range": "bytes=-3"})
    content = Content(file, 100, 50, is_shared=True)
    await found.run(serve_content(Request(found.scope), content, Streams(), {"etag": ETAG}))
    assert found.body == CONTENT[147:150]
    assert found.headers["content-range"] == "bytes 47-49/50"
    assert await file.read(0, 5) == CONTENT[:5], "still open"
    file.close()


async def test_a_client_that_goes_has_the_file_closed(mount: Mount) -> None:
    streams, found = Streams(), exchange()
    file = await MountedFile.open(mount, "file")
    async with trio.open_nursery() as nursery:
        found.gone.set()
        nursery.start_soon(found.run, serve_content(Request(found.scope), Content.whole(file), streams, {"etag": ETAG}))
    assert not found.is_whole
    assert streams.open == 0
    del file
    await until(lambda: not is_open(mount.envs.mount / "file"))


async def test_a_file_that_is_shorter_than_it_was_breaks_off(mount: Mount, laid: Laid) -> None:
    file = await MountedFile.open(mount, "file")
    os.truncate(laid.mount / "file", PIECE_BYTES + 5)
    with pytest.raises(MachineError, match=f"ends at {PIECE_BYTES + 5} bytes"):
        await file.read(PIECE_BYTES, 100)
    found = exchange()
    await found.run(serve_content(Request(found.scope), Content.whole(file), Streams(), {"etag": ETAG}))
    assert not found.is_whole


async def test_a_file_that_is_not_there_is_not_found(mount: Mount) -> None:
    with pytest.raises(NotFoundError, match="gone is not there"):
        await MountedFile.open(mount, "gone")


async def test_a_file_that_opens_when_nobody_waits_any_more_is_closed(laid: Laid) -> None:
    os.mkfifo(laid.mount / "slow")
    with pytest.raises(BusyError):
        await MountedFile.open(Mount(laid.envs, 0.05), "slow")
    writer = await trio.to_thread.run_sync(os.open, laid.mount / "slow", os.O_WRONLY)
    try:
        await until(lambda: gc.collect() >= 0 and not _has_reader(writer))
    finally:
        os.close(writer)


def _has_reader(writer: int) -> bool:
    try:
        os.write(writer, b"x")
    except BrokenPipeError:
        return False
    return True


async def test_closing_does_not_wait_for_the_daemon(laid: Laid, monkeypatch: pytest.MonkeyPatch) -> None:
    (laid.mount / "file").write_bytes(b"x")
    file = await MountedFile.open(Mount(laid.envs), "file")
    answer, closed = threading.Event(), threading.Event()
    really_close = os.close

    def close(fd: int) -> None:
        answer.wait()
        really_close(fd)
        closed.set()

    monkeypatch.setattr(os, "close", close)
    file.close()
    file.close()
    assert not closed.is_set()
    monkeypatch.undo()
    answer.set()
    assert await trio.to_thread.run_sync(closed.wait, 20)
