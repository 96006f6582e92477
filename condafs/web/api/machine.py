"""Version, who asks, tokens, the namespace, use of disk, channels and packages that are known here."""

import re
from datetime import UTC, datetime
from typing import Annotated, Any

import trio
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from condafs import __version__
from condafs.catalog.records import BuildState
from condafs.errors import InvalidNameError, UserError
from condafs.prefix.contents import InstalledPackage
from condafs.spec.canonical import from_canonical
from condafs.spec.credentials import mask_credentials
from condafs.web.access.roles import CONDA_STORE_ROLES, PERMISSIONS, Role
from condafs.web.api import shapes
from condafs.web.api.envelope import (
    DEFAULT_PAGE,
    REFUSALS,
    Envelope,
    PageEnvelope,
    PageNumber,
    PageSize,
    answer,
    ok,
    window_of,
)
from condafs.web.errors import NotAllowedError
from condafs.web.house import EditorOf, House, HouseOf, ViewerOf, VisitorOf
from condafs.web.ids import NAMESPACE, parse_namespace

router = APIRouter(prefix="/api/v1", tags=["machine"], responses=REFUSALS)

SUGGESTING_ENVIRONMENTS = 100
"""Package names are suggested from the current builds of so many environments."""

Data = dict[str, Any]


@router.get("/", response_model=Envelope[Data], summary="Version of this server")
async def version(request: Request) -> Response:
    """What runs here."""
    return ok(request, {"version": __version__})


@router.get("/permission/", response_model=Envelope[Data], summary="Who I am and what I may do")
async def permission(request: Request, visitor: VisitorOf) -> Response:
    """In conda-store's words."""
    allowed = PERMISSIONS[visitor.role] if visitor.role else []
    data = {
        "authenticated": bool(visitor.name),
        "primary_namespace": NAMESPACE,
        "entity_permissions": {f"{NAMESPACE}/*": allowed},
        "entity_roles": {f"{NAMESPACE}/*": [visitor.role.value] if visitor.role else []},
        "expiration": shapes.time_of(visitor.expires),
        "name": visitor.name,
    }
    return ok(request, data)


@router.get("/usage/", response_model=Envelope[Data], summary="Environments, builds and bytes")
async def usage(request: Request, house: HouseOf, _: ViewerOf) -> Response:
    """By namespace. Sizes are apparent: what builds share with the package cache is counted in each."""
    with house.catalog.snapshot() as snapshot:
        names = len(house.names.in_use(snapshot))
        builds = snapshot.count_by_state()
    size = await trio.to_thread.run_sync(_size_of_builds, house)
    count = sum(number for state, number in builds.items() if state is not BuildState.DELETING)
    return ok(request, {NAMESPACE: {"num_environments": names, "num_builds": count, "storage": size}})


def _size_of_builds(house: House) -> int:
    """In a thread: it looks at all builds."""
    with house.catalog.snapshot() as snapshot:
        return sum(r.size_bytes for r in snapshot.builds() if r.state is BuildState.READY)


class TokenRequest(BaseModel):
    """What conda-store's client sends to make a token."""

    primary_namespace: str | None = None
    expiration: str | None = Field(None, alias="exp", max_length=40, description="ISO 8601; UTC without a zone")
    role_bindings: dict[str, list[str]] = Field(default_factory=dict)


@router.post("/token/", response_model=Envelope[Data], summary="Make a token from one's own")
async def make_token(request: Request, house: HouseOf, visitor: EditorOf, wanted: TokenRequest) -> Response:
    """A new token of the same role or a lesser one, that ends no later than one's own. It is shown once."""
    if wanted.primary_namespace not in {None, NAMESPACE}:
        parse_namespace(wanted.primary_namespace or "")
    role = _role_of(wanted, visitor.role or Role.VIEWER)
    if not visitor.may(role):
        msg = f"the token {visitor.name} has role {visitor.role} and cannot make one of role {role}"
        raise NotAllowedError(msg)
    now = house.clock()
    ends = _seconds(wanted.expiration, now) or visitor.expires
    if visitor.expires and ends > visitor.expires:
        msg = f"the token {visitor.name} ends on {shapes.time_of(visitor.expires)}: none made from it can last longer"
        raise NotAllowedError(msg)
    name = f"{visitor.name[:40]}.{datetime.fromtimestamp(now, UTC):%Y%m%d-%H%M%S-%f}"
    # In a thread: it waits for other processes that make tokens, and for the disk.
    secret = await trio.to_thread.run_sync(house.doorkeeper.tokens.create, name, role, now, ends, visitor.token_sha256)
    return ok(request, {"token": secret, "name": name})


def _role_of(wanted: TokenRequest, own: Role) -> Role:
    roles = [role for names in wanted.role_bindings.values() for role in names]
    if unknown := [role for role in roles if role not in CONDA_STORE_ROLES]:
        msg = f"there is no role {unknown[0]!r}: viewer, editor (or developer) and admin are"
        raise InvalidNameError(msg)
    return max((CONDA_STORE_ROLES[role] for role in roles), key=list(Role).index, default=own)


def _seconds(text: str | None, now: float) -> float:
    if not text:
        return 0
    try:
        moment = datetime.fromisoformat(text)
        # In UTC it has to be a time, too: year 9999 of another zone may be none.
        seconds = (moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()
    except (OverflowError, ValueError):
        msg = f"{text!r} is no time: 2026-12-24T12:00:00 is"
        raise UserError(msg) from None
    if seconds <= now:
        msg = f"{text} has passed: a token that ends then would be worth nothing"
        raise UserError(msg)
    return seconds


@router.get("/namespace/", response_model=PageEnvelope[list[Data]], summary="The namespaces: one")
async def namespaces(request: Request, _: ViewerOf, page: PageNumber = 1, size: PageSize = DEFAULT_PAGE) -> Response:
    """There is one, `default`."""
    items = window_of(page, size).cut([shapes.namespace()])
    return answer(request, shapes.page_of(items, page, size, 1))


@router.get("/namespace/{namespace}/", response_model=Envelope[Data], summary="One namespace")
async def namespace(request: Request, namespace: str, _: ViewerOf) -> Response:
    """`default`."""
    parse_namespace(namespace)
    return ok(request, shapes.namespace())


@router.get("/channel/", response_model=PageEnvelope[list[Data]], summary="Channels that environments use")
async def channels(
    request: Request, house: HouseOf, _: ViewerOf, page: PageNumber = 1, size: PageSize = DEFAULT_PAGE
) -> Response:
    """The default channels, and those of the environments that were looked at for suggestions."""
    names = dict.fromkeys(house.settings.default_channels)
    with house.catalog.snapshot() as snapshot:
        for record in _some_environments(house):
            canonical = snapshot.specification(record)
            names |= dict.fromkeys(from_canonical(canonical).channels if canonical else ())
    shown = [mask_credentials(name) for name in names]
    items = [{"id": place, "name": name, "last_update": None} for place, name in enumerate(shown, 1)]
    return answer(request, shapes.page_of(window_of(page, size).cut(items), page, size, len(items)))


@router.get("/package/", response_model=PageEnvelope[list[Data]], summary="Packages that environments have")
async def packages(  # noqa: PLR0913, PLR0917 - conda-store's parameters
    request: Request,
    house: HouseOf,
    _: ViewerOf,
    search: Annotated[str, Query(max_length=200)] = "",
    exact: bool = False,  # noqa: FBT001, FBT002 - a parameter of the URL
    distinct_on: Annotated[str, Query(pattern="^(name|version|)$")] = "",
    order: Annotated[str, Query(pattern="^(asc|desc)$")] = "asc",
    page: PageNumber = 1,
    size: PageSize = DEFAULT_PAGE,
) -> Response:
    """For suggestions while typing: packages of current builds. condafs indexes no channels."""
    found: dict[tuple[str, ...], InstalledPackage] = {}
    for digest in _some_environments(house):
        with house.catalog.snapshot() as snapshot:
            record = snapshot.build(digest)
        if record is None or record.state is not BuildState.READY:
            continue
        for item in await house.packages.find(record.build):
            if item.name == search if exact else search.lower() in item.name.lower():
                found.setdefault(_identity(item, distinct_on), item)
    items = sorted(found.values(), key=lambda item: (item.name, _version_key(item.version)), reverse=order == "desc")
    shown = [shapes.package(item, place) for place, item in enumerate(items, 1)]
    return answer(request, shapes.page_of(window_of(page, size).cut(shown), page, size, len(shown)))


def _identity(item: InstalledPackage, distinct_on: str) -> tuple[str, ...]:
    if distinct_on == "name":
        return (item.name,)
    return (
        (item.name, item.version) if distinct_on == "version" else (item.name, item.version, item.build, item.channel)
    )


def _version_key(version: str) -> tuple[tuple[int, int, str], ...]:
    """Good enough for a list of suggestions: numbers as numbers."""
    parts = re.findall(r"\d+|[a-z]+", version.lower())
    return tuple((1, int(part), "") if part.isdigit() else (0, 0, part) for part in parts)


def _some_environments(house: House) -> list[Any]:
    """Digests of current builds of the environments first by name."""
    with house.catalog.snapshot() as snapshot:
        return [
            record.current
            for record, _ in zip(snapshot.environments(), range(SUGGESTING_ENVIRONMENTS), strict=False)
            if record.current
        ]
