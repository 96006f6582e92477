"""The application over a laid-out mount, asked in memory."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import trio

from condafs.web.access.roles import Role
from condafs.web.access.sessions import load_sessions
from condafs.web.access.tokens import TokenStore
from condafs.web.access.visitor import Doorkeeper
from condafs.web.house import House
from condafs.web.mount import Mount
from tests.component.web.application import application_for
from tests.component.web.asgi import Exchange, exchange
from tests.component.web.laid import Laid


class Served:
    """A server without sockets.

    Attributes:
        laid: What it serves.
        house: Its parts.
        secrets: A token of each role.
    """

    def __init__(self, laid: Laid, nursery: trio.Nursery, *, is_open: bool = True) -> None:
        directory = laid.settings.http_directory
        tokens = TokenStore(directory)
        self.laid = laid
        self.secrets = {role: tokens.create(f"the-{role}", role, laid.now) for role in Role}
        door = Doorkeeper(tokens, load_sessions(directory), is_open=is_open, clock=self.clock)
        self.house = House(laid.settings, laid.catalog, Mount(laid.envs), door, nursery, clock=self.clock)
        self.app = application_for(self.house)

    def clock(self) -> float:
        return self.laid.now

    def request(
        self,
        method: str,
        target: str,
        document: Any = None,
        role: Role | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Exchange:
        """A request that has not been made yet."""
        shown = dict(headers or {})
        if role:
            shown["authorization"] = f"Bearer {self.secrets[role]}"
        body = b""
        if document is not None:
            body = document if isinstance(document, bytes) else json.dumps(document).encode()
            shown["content-type"] = "application/json"
        path, mark, query = target.partition("?")
        return exchange(method, f"{path}{mark}{quote(query, safe='=&')}", shown, body)

    async def ask(
        self,
        method: str,
        target: str,
        document: Any = None,
        role: Role | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Exchange:
        """Make a request."""
        return await self.request(method, target, document, role, headers).run(self.app)

    async def get(self, target: str, role: Role | None = None, **headers: str) -> Exchange:
        """GET."""
        shown = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.ask("GET", target, role=role, headers=shown)
