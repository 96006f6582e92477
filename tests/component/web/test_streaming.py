"""Answers bit by bit: whole, or visibly not."""

import logging

import pytest
import trio

from condafs.errors import MachineError
from condafs.web.errors import BusyError
from condafs.web.streaming import StreamResponse, Write
from condafs.web.streams import Streams
from tests.component.web.asgi import exchange


async def test_a_body_is_sent_as_it_is_written_and_ended() -> None:
    async def body(write: Write) -> None:
        await write(b"a")
        await write(b"b")

    found = await exchange().run(StreamResponse(body, headers={"x-a": "b"}))
    assert (found.status, found.body, found.is_whole) == (200, b"ab", True)
    assert found.headers == {"x-a": "b"}


async def test_a_length_that_is_known_is_told() -> None:
    async def body(write: Write) -> None:
        await write(b"ab")

    found = await exchange().run(StreamResponse(body, status=206, headers={"content-length": "2"}))
    assert (found.status, found.headers) == (206, {"content-length": "2"})


async def test_a_body_ends_when_the_client_goes_and_nothing_is_sent_after_it() -> None:
    has_ended = False

    async def body(write: Write) -> None:
        nonlocal has_ended
        try:
            await write(b"a")
            await trio.sleep_forever()
        finally:
            has_ended = True

    found = exchange()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(found.run, StreamResponse(body, headers={"content-length": "9"}))
        await found.arrived.wait()
        found.gone.set()
    assert has_ended
    assert (found.body, found.is_whole) == (b"a", False), "an end would be one of too few bytes"


@pytest.mark.parametrize("error", [BusyError("no answer"), MachineError("no answer"), OSError(5, "no answer")])
async def test_a_body_that_goes_wrong_breaks_off_and_is_no_mistake_of_the_servers(
    error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    async def body(write: Write) -> None:
        await write(b"a")
        async with trio.open_nursery():
            raise error

    with caplog.at_level(logging.WARNING):
        found = await exchange(target="/some/path").run(StreamResponse(body))
    assert (found.body, found.is_whole) == (b"a", False)
    [record] = caplog.records
    assert record.getMessage().startswith("/some/path breaks off: ")
    assert "no answer" in record.getMessage()
    assert record.exc_info is None


async def test_a_mistake_of_the_servers_is_raised() -> None:
    async def body(write: Write) -> None:
        await write(b"a")
        raise ZeroDivisionError

    found = exchange()
    with pytest.raises(ExceptionGroup) as caught:
        await found.run(StreamResponse(body))
    assert caught.group_contains(ZeroDivisionError)
    assert not found.is_whole


async def test_streams_are_counted_while_they_are_open_and_no_more_than_some() -> None:
    streams = Streams(2)
    async with streams.one(), streams.one():
        assert streams.open == 2
        with pytest.raises(BusyError, match="2 streams are open"):
            streams.require_room()
        with pytest.raises(BusyError):
            async with streams.one():
                pass
        assert streams.open == 2
    assert streams.open == 0
    streams.require_room()


async def test_bytes_are_counted_as_they_are_sent() -> None:
    streams = Streams()

    async def write(content: bytes) -> None:
        await trio.lowlevel.checkpoint()
        if content == b"bad":
            raise trio.BrokenResourceError

    counting = streams.counting(write)
    await counting(b"abc")
    with pytest.raises(trio.BrokenResourceError):
        await counting(b"bad")
    assert streams.bytes_sent == 3
