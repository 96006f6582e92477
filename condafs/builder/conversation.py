"""The daemon's side of the protocol, over a Unix socket: requests out, with descriptors; events in."""

import contextlib
import socket
import time
from array import array
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import IO

import trio

from condafs.builder.protocol import BuildRequest, Ended, Event, Failed, FailureKind, Progress, Succeeded, decode_event

GRACE_SECONDS = 15.0
"""How much later than the builder's own wall time the daemon kills it: it should have ended itself by then."""

LONGEST_LINE_BYTES = 1 << 24
"""A line of events beyond this is none: a solver's explanation is some kilobytes."""


async def follow_build(
    line: trio.SocketStream,
    source: trio.abc.ReceiveStream,
    request: BuildRequest,
    log_fd: int,
    on_progress: Callable[[Progress], None],
) -> Succeeded | Failed | Ended | None:
    """Hand over request and log, follow the events.

    Args:
        line: Where requests go.
        source: Where events come from.
        request: What to build.
        log_fd: The log, open for appending.
        on_progress: Called in the event loop.

    Returns:
        The outcome, a Failed of kind TIMEOUT when there is none for too long, or what was said when they end without
        one.
    """
    limit = request.wall_seconds + GRACE_SECONDS if request.wall_seconds else float("inf")
    ended = None
    with trio.move_on_after(limit) as scope:
        with contextlib.suppress(OSError, trio.BrokenResourceError):  # its end says more than the broken pipe
            await send(line, request.encode(), [log_fd])
        async with contextlib.aclosing(read_events(source)) as events:
            async for event in events:
                if isinstance(event, Succeeded | Failed):
                    return event
                if isinstance(event, Progress):
                    on_progress(event)
                elif isinstance(event, Ended):
                    ended = event
    if scope.cancelled_caught:
        message = f"the builder did not end within {limit:g} s (build-wall-seconds) and was killed"
        return Failed(FailureKind.TIMEOUT, message)
    return ended


async def send(line: trio.SocketStream, data: bytes, descriptors: Sequence[int] = ()) -> None:
    """Send a request, and descriptors with its first byte."""
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", descriptors).tobytes())] if descriptors else []
    sent = await line.socket.sendmsg([data], rights)
    await line.send_all(data[sent:])


async def read_events(stream: trio.abc.ReceiveStream) -> AsyncGenerator[Event, None]:
    """The events among whole lines; what is none is passed over: a sandbox may have something to say."""
    rest = bytearray()
    async for chunk in stream:
        rest += chunk
        *lines, rest = rest.split(b"\n")
        for line in lines:
            with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError):
                yield decode_event(bytes(line))
        if len(rest) > LONGEST_LINE_BYTES:
            rest.clear()


def note_failure(log: IO[bytes], failed: Failed) -> Failed:
    """Write into the log what the builder would have written, had it lived; returns the failure."""
    log.write(f"{time.strftime('%Y-%m-%d %H:%M:%S')} failed ({failed.kind}): {failed.message}\n".encode())
    return failed
