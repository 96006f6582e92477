"""One connection: patience that ends, and one protocol."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, cast

import pytest
import trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config
from hypercorn.trio.worker_context import WorkerContext
from hypercorn.typing import ASGIFramework, ConnectionState
from starlette.responses import PlainTextResponse
from starlette.types import Receive, Scope, Send
from trio.testing import MemorySendStream, MockClock, memory_stream_pair

from condafs.web.connection import Http1Server, PatientStream

Stapled = trio.StapledStream[MemorySendStream, trio.testing.MemoryReceiveStream]


class Connection:
    """A connection in memory, whose client takes what is sent when `may_send` is set."""

    def __init__(self) -> None:
        self.client, self._server = memory_stream_pair()
        self.may_send = trio.Event()
        self.is_closed = False
        self.socket = object()

    async def send_all(self, data: bytes) -> None:
        await self.may_send.wait()
        await self._server.send_all(data)

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        return await self._server.receive_some(max_bytes)

    async def wait_send_all_might_not_block(self) -> None:
        await self._server.wait_send_all_might_not_block()

    async def send_eof(self) -> None:
        await self._server.send_eof()

    async def aclose(self) -> None:
        self.is_closed = True
        await self._server.aclose()


def patient(connection: Connection, seconds: float) -> PatientStream:
    return PatientStream(cast("trio.SocketStream", connection), seconds)


async def test_a_client_that_takes_nothing_is_given_up(autojump_clock: MockClock) -> None:
    connection = Connection()
    stream = patient(connection, 30)
    begin = trio.current_time()
    with pytest.raises(trio.BrokenResourceError, match="took nothing for 30 s"):
        await stream.send_all(b"x")
    assert trio.current_time() - begin == 30
    assert connection.is_closed


async def test_patience_is_for_each_piece(autojump_clock: MockClock) -> None:
    connection = Connection()
    stream = patient(connection, 30)

    async def take_slowly() -> None:
        for _ in range(3):
            await trio.sleep(29)
            connection.may_send.set()
            await connection.client.receive_some(1)
            connection.may_send = trio.Event()

    async with trio.open_nursery() as nursery:
        nursery.start_soon(take_slowly)
        for _ in range(3):
            await stream.send_all(b"x")
    assert not connection.is_closed


async def test_patience_ends_where_nothing_else_can_cancel(autojump_clock: MockClock) -> None:
    """hypercorn shields what it sends."""
    with pytest.raises(trio.BrokenResourceError), trio.CancelScope(shield=True):
        await patient(Connection(), 30).send_all(b"x")


async def test_a_cancelled_send_is_cancelled_and_no_broken_client(autojump_clock: MockClock) -> None:
    connection = Connection()
    with trio.move_on_after(5) as scope:
        await patient(connection, 30).send_all(b"x")
    assert scope.cancelled_caught
    assert not connection.is_closed


async def test_the_rest_is_the_streams_own() -> None:
    connection = Connection()
    stream = patient(connection, 30)
    assert stream.socket is connection.socket
    await connection.client.send_all(b"hello")
    await stream.wait_send_all_might_not_block()
    assert await stream.receive_some(100) == b"hello"
    await stream.send_eof()
    assert await connection.client.receive_some() == b""
    await stream.aclose()
    assert connection.is_closed


async def answer(scope: Scope, receive: Receive, send: Send) -> None:
    """An application that says how it was asked."""
    await PlainTextResponse(f"{scope['http_version']} {scope['path']}")(scope, receive, send)


@asynccontextmanager
async def serving() -> AsyncIterator[Callable[[], Any]]:
    """A function that connects to a server of `answer`."""
    app, config, context = ASGIWrapper(cast("ASGIFramework", answer)), Config(), WorkerContext(None)

    async def handle(stream: trio.SocketStream) -> None:
        await Http1Server(app, config, context, ConnectionState({}), cast("Any", PatientStream(stream)))

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(trio.serve_tcp, handle, 0)
        yield lambda: trio.testing.open_stream_to_socket_listener(listeners[0])
        nursery.cancel_scope.cancel()


async def all_of(stream: trio.abc.ReceiveStream) -> bytes:
    return b"".join([bytes(piece) async for piece in stream])


async def test_a_request_to_go_over_to_http_2_is_answered_as_any_other() -> None:
    async with serving() as connect, await connect() as stream:
        await stream.send_all(
            b"GET /a HTTP/1.1\r\nhost: x\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\n"
            b"http2-settings: AAMAAABkAAQAAP__\r\n\r\n"
            b"GET /b HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
        )
        found = await all_of(stream)
    assert b"101" not in found
    assert b"1.1 /a" in found
    assert b"1.1 /b" in found


async def test_who_begins_with_http_2_is_not_understood() -> None:
    async with serving() as connect, await connect() as stream:
        await stream.send_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00")
        found = await all_of(stream)
    assert not found or found.startswith(b"HTTP/1.1 ")
