"""One connection, with an end to patience: hypercorn waits for ever for a client that takes nothing.

What a client does not take stays in memory, and its request, its stream and its file of the mount stay open with it. So
each piece that is sent has to be taken within some time, which for a piece of a megabyte asks for 35 kB a second.
"""

import trio
from hypercorn.protocol import ProtocolWrapper
from hypercorn.trio.tcp_server import TCPServer

SEND_SECONDS = 30


class PatientStream(trio.abc.HalfCloseableStream):
    """A socket's stream that gives a slow client up.

    Args:
        stream: Of the connection.
        seconds: For each `send_all`.

    Attributes:
        socket: Of the connection; hypercorn asks it for addresses.
    """

    def __init__(self, stream: trio.SocketStream, seconds: float = SEND_SECONDS) -> None:
        self._stream = stream
        self._seconds = seconds
        self.socket = stream.socket

    async def send_all(self, data: bytes | bytearray | memoryview) -> None:
        """Send; BrokenResourceError when the client does not take it in time."""
        with trio.move_on_after(self._seconds) as scope:
            await self._stream.send_all(data)
        if scope.cancelled_caught:
            await trio.aclose_forcefully(self._stream)
            msg = f"the client took nothing for {self._seconds:.0f} s"
            raise trio.BrokenResourceError(msg)

    async def wait_send_all_might_not_block(self) -> None:
        """As the socket's."""
        await self._stream.wait_send_all_might_not_block()

    async def receive_some(self, max_bytes: int | None = None) -> bytes | bytearray:
        """As the socket's."""
        return await self._stream.receive_some(max_bytes)

    async def send_eof(self) -> None:
        """As the socket's."""
        await self._stream.send_eof()

    async def aclose(self) -> None:
        """As the socket's."""
        await self._stream.aclose()


class Http1Server(TCPServer):
    """hypercorn's server of one connection, which speaks HTTP/1.1 whatever the client begins with.

    hypercorn goes over to HTTP/2 when a client says so (`PRI`, `upgrade: h2c`). There one connection is a hundred
    requests, and a client that opens no window has whole archives collected in memory: hypercorn 0.18 lets go of who
    writes before the client took anything (`StreamBuffer.pop` of no bytes, in its `protocol/h2.py`).
    """

    @property
    def protocol(self) -> ProtocolWrapper:
        """What hypercorn made of the connection."""
        return self._protocol

    @protocol.setter
    def protocol(self, wrapper: ProtocolWrapper) -> None:
        wrapper.protocol._check_protocol = _stay  # type: ignore[union-attr, method-assign]  # noqa: SLF001 - see above
        self._protocol = wrapper


async def _stay(_request: object) -> None:
    """No other protocol."""
