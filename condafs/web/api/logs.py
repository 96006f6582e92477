"""Logs: whole, or as they grow.

Server-sent events (WHATWG HTML, 9.2). The id of an event is the offset behind it, so that a browser that lost its
connection goes on from there (`Last-Event-ID`).
"""

import json
import re
from functools import partial

import trio
from starlette.requests import Request
from starlette.responses import Response

from condafs.names import BuildName
from condafs.web.following import READ_BYTES, Tail, read_log
from condafs.web.house import House
from condafs.web.server_sent import HEADERS, KEEP_ALIVE_SECONDS, comment, event
from condafs.web.streaming import StreamResponse, Write

MAX_LINE = 1 << 16
"""A line without an end is shown in pieces."""


async def serve_log(request: Request, house: House, build: BuildName, *, is_followed: bool) -> Response:
    """The log of a build."""
    house.streams.require_room()
    if is_followed:
        given = request.headers.get("last-event-id") or ""
        offset = int(given) if re.fullmatch(r"\d{1,15}", given) else 0
        return StreamResponse(partial(_follow, house, build, offset), headers=HEADERS)
    beginning = await house.mount.ask(read_log, build, 0, READ_BYTES)  # what goes wrong here can still be told
    return StreamResponse(
        partial(_copy, house, build, beginning),
        headers={
            "content-type": "text/plain; charset=utf-8",
            "cache-control": "no-cache",
            "x-content-type-options": "nosniff",
        },
    )


async def _copy(house: House, build: BuildName, content: bytes, write: Write) -> None:
    offset = 0
    async with house.streams.one():
        while content:
            offset += len(content)
            await write(content)
            content = await house.mount.ask(read_log, build, offset, READ_BYTES)


async def _follow(house: House, build: BuildName, offset: int, write: Write) -> None:
    async with house.streams.one():
        with house.follower.following(build) as tail:
            lines = _Lines(offset)
            await _follow_tail(house, tail, lines, write)
            await write(lines.rest() + event("end", json.dumps(_outcome(house, build))))


async def _follow_tail(house: House, tail: Tail, lines: "_Lines", write: Write) -> None:
    shown: object = None
    while True:
        bell, has_ended = tail.bell.event, tail.has_ended  # before looking: a change meanwhile wakes at once
        while content := await _read(house, tail, lines.end):
            await write(lines.take(content))
        if tail.progress and tail.progress != shown:
            shown = tail.progress
            await write(event("progress", json.dumps(shown)))
        if has_ended:
            return
        with trio.move_on_after(KEEP_ALIVE_SECONDS) as scope:
            await bell.wait()
        if scope.cancelled_caught:
            await write(comment())


async def _read(house: House, tail: Tail, offset: int) -> bytes:
    """What follows an offset: from memory, or from the log when it is further back."""
    if offset >= tail.end:
        return b""
    if offset >= tail.start:
        return tail.after(offset)
    return await house.mount.ask(read_log, tail.build, offset, min(READ_BYTES, tail.start - offset))


def _outcome(house: House, build: BuildName) -> dict[str, object]:
    with house.catalog.snapshot() as snapshot:
        record = snapshot.build(build.digest)
    if record is None:
        return {"state": "gone"}
    return {"state": record.state.value, "generation": record.generation, "failure": record.failure_kind}


class _Lines:
    """Cuts a log into events of whole lines.

    Args:
        offset: Where it begins.

    Attributes:
        end: Offset behind what was taken.
    """

    def __init__(self, offset: int) -> None:
        self.end = offset
        self._rest = b""

    def take(self, content: bytes) -> bytes:
        """The events of more of it."""
        self.end += len(content)
        *whole, self._rest = (self._rest + content).split(b"\n")
        if len(self._rest) > MAX_LINE:
            whole.append(self._rest)
            self._rest = b""
        return self._event(whole, self.end - len(self._rest)) if whole else b""

    def rest(self) -> bytes:
        """The last line, when it has no end."""
        return self._event([self._rest], self.end) if self._rest else b""

    @staticmethod
    def _event(lines: list[bytes], offset: int) -> bytes:
        return event("log", b"\n".join(lines).decode(errors="replace"), str(offset))
