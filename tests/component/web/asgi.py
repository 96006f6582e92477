"""An ASGI server's side, in memory: one request, told message by message."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import trio
from starlette.types import ASGIApp, Message, Scope


@dataclass
class Exchange:
    """One request and what came of it.

    Attributes:
        sent: What the application sent.
        incoming: What it will receive; after that, nothing comes until `leave`.
        gone: Set when the client goes.
        arrived: Set when some of the body was sent.
    """

    scope: Scope
    incoming: list[Message]
    sent: list[Message] = field(default_factory=list)
    gone: trio.Event = field(default_factory=trio.Event)
    arrived: trio.Event = field(default_factory=trio.Event)

    async def receive(self) -> Message:
        await trio.lowlevel.checkpoint()
        if self.incoming:
            return self.incoming.pop(0)
        await self.gone.wait()
        return {"type": "http.disconnect"}

    async def send(self, message: Message) -> None:
        await trio.lowlevel.checkpoint()
        self.sent.append(message)
        if message.get("body"):
            self.arrived.set()

    async def run(self, app: ASGIApp) -> "Exchange":
        await app(self.scope, self.receive, self.send)
        return self

    @property
    def status(self) -> int:
        return int(self.sent[0]["status"])

    @property
    def headers(self) -> Mapping[str, str]:
        return {name.decode(): value.decode("latin-1") for name, value in self.sent[0]["headers"]}

    @property
    def body(self) -> bytes:
        return b"".join(message["body"] for message in self.sent[1:])

    @property
    def is_whole(self) -> bool:
        """Whether the end of the body was sent."""
        return not self.sent[-1].get("more_body", False) and self.sent[-1]["type"] == "http.response.body"

    @property
    def document(self) -> Any:
        return json.loads(self.body)

    @property
    def data(self) -> Any:
        assert self.status == 200, self.body
        return self.document["data"]


def exchange(
    method: str = "GET",
    target: str = "/",
    headers: Mapping[str, str] | None = None,
    body: bytes = b"",
    incoming: Sequence[Message] | None = None,
) -> Exchange:
    """A request.

    Args:
        method, target: Path and query, as a client writes them but without percents in the path.
        headers: Of the request; a host is always there.
        body: Of the request, with its length.
        incoming: In place of the body: the messages that the application receives.
    """
    path, _, query = target.partition("?")
    shown = {"host": "server.example", **(headers or {})}
    if body:
        shown["content-length"] = str(len(body))
    scope: Scope = {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.1"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        "root_path": "",
        "headers": [(name.lower().encode(), value.encode("latin-1")) for name, value in shown.items()],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 80),
        "state": {},
        "extensions": {},
    }
    messages: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]
    if incoming is not None:
        messages = list(incoming)
    return Exchange(scope, messages)
