"""What the routes are made of, built once and found from each request."""

import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Annotated, cast

import trio
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from condafs.catalog.store import Catalog
from condafs.config import Settings
from condafs.names import SpecDigest
from condafs.web.access.roles import Role
from condafs.web.access.sessions import COOKIE
from condafs.web.access.visitor import Doorkeeper, Visitor
from condafs.web.following import Follower
from condafs.web.listing import Names
from condafs.web.mount import Mount
from condafs.web.package_lists import PackageLists
from condafs.web.page.pages import Pages
from condafs.web.registry.dynamic import Dynamic
from condafs.web.registry.images import Images
from condafs.web.streams import Streams
from condafs.web.tally import Tally

SOLVERS = 2
"""At a time; who asks meanwhile waits."""


@dataclass(slots=True)
class House:
    """The parts of the server.

    Attributes:
        settings: Of the machine.
        catalog: Opened read-only.
        mount: Where everything is done.
        doorkeeper: Tells who asks.
        nursery: What goes on beside requests runs in it.
        streams: Counts answers without an end.
        packages: Package lists of builds.
        follower: What happens, as it happens.
        images: Container images that are being pulled.
        dynamic: Builds what is pulled by its packages.
        solving: Taken while a solver runs.
        tally: What metrics count.
        names: Of environments, remembered.
        archive_sums: CRC-32 of the `.tar` of builds, as far as they were needed.
        pages: What all pages share.
        clock: Unix seconds.
    """

    settings: Settings
    catalog: Catalog
    mount: Mount
    doorkeeper: Doorkeeper
    nursery: trio.Nursery
    streams: Streams = field(default_factory=Streams)
    clock: Callable[[], float] = time.time
    packages: PackageLists = field(init=False)
    follower: Follower = field(init=False)
    images: Images = field(init=False)
    dynamic: Dynamic = field(init=False)
    solving: trio.CapacityLimiter = field(default_factory=lambda: trio.CapacityLimiter(SOLVERS))
    tally: Tally = field(default_factory=Tally)
    names: Names = field(default_factory=Names)
    archive_sums: dict[SpecDigest, int] = field(default_factory=dict)
    pages: Pages = field(default_factory=Pages)

    def __post_init__(self) -> None:
        """What follows from the rest."""
        self.packages = PackageLists(self.mount)
        self.follower = Follower(self.catalog, self.mount, self.nursery)
        self.images = Images(self.mount, self.nursery)
        self.dynamic = Dynamic(self.catalog, self.mount, self.follower, self.clock, is_on=self.settings.http_dynamic)


def house_of(request: Request) -> House:
    """The house that serves a request."""
    return cast("House", request.app.state.house)


_BEARER = HTTPBearer(auto_error=False, description="A token from `condafs token create`")

Shown = Annotated[HTTPAuthorizationCredentials | None, Depends(_BEARER)]
"""For the OpenAPI document; the doorkeeper reads headers itself."""


def visitor_of(request: Request) -> Visitor:
    """Who makes a request.

    Raises:
        UnauthorizedError: They showed a token that is none.
    """
    return house_of(request).doorkeeper.admit(request.method, request.headers, request.cookies, COOKIE)


# Asynchronous, though nothing is waited for: FastAPI runs others in threads, which takes longer than they do.


async def _house(request: Request) -> House:
    return house_of(request)


async def _visitor(request: Request, _: Shown = None) -> Visitor:
    return visitor_of(request)


VisitorOf = Annotated[Visitor, Depends(_visitor)]


def _requirement(role: Role) -> Callable[[Visitor], Awaitable[Visitor]]:
    async def require(visitor: VisitorOf) -> Visitor:
        visitor.require(role)
        return visitor

    return require


HouseOf = Annotated[House, Depends(_house)]
ViewerOf = Annotated[Visitor, Depends(_requirement(Role.VIEWER))]
EditorOf = Annotated[Visitor, Depends(_requirement(Role.EDITOR))]
AdminOf = Annotated[Visitor, Depends(_requirement(Role.ADMIN))]
