"""The pages of a made-up machine: a catalog that tests fill, a directory as the mount, and what a browser sends."""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import trio

from condafs.catalog import attempts, claims
from condafs.catalog.events import Author
from condafs.catalog.records import FileRecord
from condafs.catalog.store import Catalog
from condafs.client.envs import Envs
from condafs.client.submission import build_of, parse_here
from condafs.config import Settings
from condafs.names import BuildName
from condafs.spec.canonical import to_canonical
from condafs.web.access.roles import Role
from condafs.web.access.sessions import Sessions
from condafs.web.access.tokens import TokenStore
from condafs.web.access.visitor import Doorkeeper
from condafs.web.house import House
from condafs.web.mount import Mount
from tests.component.web.application import application_for

NOW = 1_800_000_000.0

HERE = "pages.test:8080"
"""What the browser calls the server."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def text(self) -> str:
        return self.body.decode()


@dataclass(slots=True)
class Browser:
    """Asks an application as a browser would."""

    app: Any
    scheme: str = "http"
    cookies: dict[str, str] = field(default_factory=dict)

    async def get(self, path: str, **headers: str) -> Answer:
        return await self.request("GET", path, headers=headers)

    async def post(self, path: str, form: Mapping[str, str] | None = None, *, site: str = "same-origin") -> Answer:
        """Send a form, of a page of this server unless another site is named."""
        headers = {"content-type": "application/x-www-form-urlencoded", "sec-fetch-site": site}
        return await self.request("POST", path, urlencode(form or {}).encode(), headers)

    async def request(
        self, method: str, path: str, content: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> Answer:
        place, _, query = path.partition("?")
        shown = {"host": HERE, "content-length": str(len(content)), **(headers or {})}
        if self.cookies:
            shown["cookie"] = "; ".join(f"{key}={value}" for key, value in self.cookies.items())
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": self.scheme,
            "path": place,
            "raw_path": place.encode(),
            "query_string": query.encode(),
            "headers": [(key.encode(), value.encode()) for key, value in shown.items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 8080),
        }
        sent: list[Any] = []

        async def receive() -> Any:
            return {"type": "http.request", "body": content, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await self.app(scope, receive, send)
        found = {key.decode(): value.decode() for key, value in sent[0]["headers"]}
        body = b"".join(message.get("body", b"") for message in sent[1:])
        return Answer(sent[0]["status"], found, body)


@dataclass(frozen=True, slots=True)
class Machine:
    """What there is to be shown."""

    catalog: Catalog
    envs: Path
    tokens: TokenStore
    browser: Browser

    def submit(self, text: str, *, behalf: str = "", file_name: str = "") -> BuildName:
        """Write a specification, as the daemon notes it."""
        content = text.encode()
        specification = parse_here(content, file_name or "environment.yaml")
        assert specification
        build = build_of(specification)
        name = file_name or f"{build.name}.yaml"
        (self.envs / ".specs" / name).write_bytes(content)
        file = FileRecord(name, "0" * 64, len(content), 1, build.digest, build.name)
        submission = claims.Submission(file, to_canonical(specification), 0)
        self.catalog.write_now(partial(claims.submit, submission=submission, now=NOW - 60), Author(0, behalf))
        return build

    def start(self, build: BuildName) -> None:
        """Begin to build it."""
        self.catalog.write_now(partial(attempts.start, digest=build.digest, now=NOW - 50))

    def publish(self, build: BuildName, *packages: str, size_bytes: int = 1_000_000, own_bytes: int = 10_000) -> None:
        """Build it, with packages called `name=version`."""
        self.start(build)
        prefix = self.envs / str(build) / "conda-meta" / "condafs"
        prefix.mkdir(parents=True)
        pairs = [package.split("=") for package in packages]
        documents = [{"name": name, "version": version, "size_bytes": 1000} for name, version in pairs]
        (prefix / "packages.json").write_text(json.dumps(documents))
        sizes = attempts.Sizes(size_bytes, own_bytes, len(packages))
        self.catalog.write_now(partial(attempts.publish, digest=build.digest, sizes=sizes, now=NOW - 40))

    def fail(self, build: BuildName, message: str) -> None:
        """Fail to build it, for good."""
        self.start(build)
        failure = attempts.Failure("unsatisfiable", message, None)
        self.catalog.write_now(partial(attempts.fail, digest=build.digest, failure=failure, now=NOW - 40))

    def refuse(self, file_name: str, content: str, refusal: str) -> None:
        """Refuse a file."""
        (self.envs / ".specs" / file_name).write_text(content)
        file = FileRecord(file_name, "0" * 64, len(content), 1, refusal=refusal)
        self.catalog.write_now(partial(claims.refuse, file=file, now=NOW - 30), Author(0))

    async def log_in(self, role: Role = Role.EDITOR, name: str = "ann") -> None:
        """Have the browser show a new token."""
        secret = self.tokens.create(name, role, NOW)
        answer = await self.browser.post("/login", {"password": secret})
        assert answer.status == 303, answer.text
        key, _, value = answer.headers["set-cookie"].partition(";")[0].partition("=")
        self.browser.cookies[key] = value


@asynccontextmanager
async def serving(settings: Settings, directory: Path) -> AsyncIterator[Machine]:
    """A machine without environments, below an empty directory."""
    envs = directory / "envs"
    for name in (".specs", ".status", ".logs"):
        (envs / name).mkdir(parents=True)
    tokens = TokenStore(settings.http_directory)
    doorkeeper = Doorkeeper(tokens, Sessions(b"k" * 32), is_open=settings.http_open, clock=lambda: NOW)
    with Catalog.open(settings.catalog) as catalog:
        async with trio.open_nursery() as nursery:
            house = House(settings, catalog, Mount(Envs(envs)), doorkeeper, nursery, clock=lambda: NOW)
            yield Machine(catalog, envs, tokens, Browser(application_for(house)))
            nursery.cancel_scope.cancel()
