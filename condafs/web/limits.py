"""What a request may cost: the length of its body, and how long its client may take to send it.

Around the application, as an ASGI middleware, so that no route can forget. How slowly a client may take an answer is
the connection's business (`connection`).
"""

import re

import trio
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY_BYTES = 2 << 20
"""A specification has at most 1 MiB; in JSON, with its escapes, it may be longer."""

BODY_SECONDS = 30

_LENGTH = re.compile(rb"[0-9]{1,18}")


class Limits:
    """Refuses what is too long (413) or too slow (408).

    Args:
        app: The application.
        max_body_bytes: Of a request.
        body_seconds: For all of it.
    """

    def __init__(self, app: ASGIApp, max_body_bytes: int = MAX_BODY_BYTES, body_seconds: float = BODY_SECONDS) -> None:
        self._app = app
        self._max_body_bytes = max_body_bytes
        self._body_seconds = body_seconds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        _unify_slashes(scope)
        length = dict(scope["headers"]).get(b"content-length", b"0")
        if not _LENGTH.fullmatch(length) or int(length) > self._max_body_bytes:
            await self._refuse_length(send)
            return
        try:
            with trio.fail_after(self._body_seconds):
                content = await self._read(receive)
        except trio.TooSlowError:
            await _refuse(send, 408, f"the body of the request did not come within {self._body_seconds:.0f} s")
            return
        if content is None:
            return
        if len(content) > self._max_body_bytes:
            await self._refuse_length(send)
            return
        body: list[Message] = [{"type": "http.request", "body": bytes(content), "more_body": False}]

        async def receive_known() -> Message:
            return body.pop() if body else await receive()

        await self._app(scope, receive_known, send)

    async def _read(self, receive: Receive) -> bytearray | None:
        """The whole body, or more of it than is allowed; None when the client is gone."""
        content = bytearray()
        while len(content) <= self._max_body_bytes:
            message = await receive()
            if message["type"] == "http.disconnect":
                return None
            content += message.get("body", b"")
            if not message.get("more_body"):
                break
        return content

    async def _refuse_length(self, send: Send) -> None:
        await _refuse(send, 413, f"a request's body can have {self._max_body_bytes} bytes")


def _unify_slashes(scope: Scope) -> None:
    """Routes of the API end in a slash; nobody is sent away for leaving it out, or for putting it behind the query.

    The second is what conda-store's command line client does (`ensure_slash` in its `utils.py`, release 2025.2.2).
    """
    path = scope["path"]
    if not path.startswith("/api/"):
        return
    scope["query_string"] = scope["query_string"].removesuffix(b"/")
    if not path.endswith("/"):
        scope["path"] = f"{path}/"
        scope["raw_path"] = scope["path"].encode()


async def _refuse(send: Send, status: int, message: str) -> None:
    content = f'{{"status":"error","message":"{message}"}}'.encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(content)).encode())]
    headers.append((b"connection", b"close"))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})
