"""Answers that are written bit by bit, and end when the client goes."""

import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import TypeAlias

import trio
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from condafs.errors import CondafsError

logger = logging.getLogger(__name__)

Write: TypeAlias = Callable[[bytes], Awaitable[None]]
"""Sends some bytes of the body; returns when the client's connection took them."""

Body: TypeAlias = Callable[[Write], Awaitable[None]]


class StreamResponse(Response):
    """An answer whose body a function writes.

    What goes wrong meanwhile cannot be told any more: the answer breaks off, and who reads it sees that, because its
    length or its last chunk is missing.

    Args:
        body: Writes it.
        status: Of the answer.
        headers: Of the answer; without `content-length`, the body is chunked.
    """

    def __init__(self, body: Body, *, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(status_code=status, headers=headers)
        if headers is None or "content-length" not in headers:
            del self.headers["content-length"]
        self._body = body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request, which is no HEAD."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        is_whole = False

        async def write(content: bytes) -> None:
            await send({"type": "http.response.body", "body": content, "more_body": True})

        try:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(_cancel_when_gone, receive, nursery.cancel_scope)
                await self._body(write)
                is_whole = True
                nursery.cancel_scope.cancel()
        except* (CondafsError, OSError) as errors:
            logger.warning("%s breaks off: %s", scope["path"], _first(errors))
        if is_whole:  # else no end is sent: what came would pass for all of it
            await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _cancel_when_gone(receive: Receive, scope: trio.CancelScope) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    scope.cancel()


def _first(error: BaseException) -> BaseException:
    """One of those that a nursery put together."""
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error
