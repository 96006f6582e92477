"""Environments: lists, one, switching the current build, retiring, history and differences."""

from collections.abc import Iterable, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from condafs.catalog.events import EventKind, EventRecord
from condafs.catalog.reader import Snapshot
from condafs.catalog.records import BuildRecord, BuildState, EnvironmentRecord
from condafs.client.steering import retire, roll_back
from condafs.errors import ForbiddenError, NotFoundError
from condafs.names import BuildName, EnvironmentName, SpecDigest
from condafs.prefix.contents import Change, compare_packages
from condafs.web.api import shapes
from condafs.web.api.envelope import (
    REFUSALS,
    Envelope,
    PageEnvelope,
    PageNumber,
    PageSize,
    answer,
    contents,
    ok,
    window_of,
)
from condafs.web.api.filters import ArtifactQuery, PackagesQuery, StatusQuery, build_condition, states_of
from condafs.web.api.texts import serve_lock
from condafs.web.house import EditorOf, House, HouseOf, ViewerOf
from condafs.web.ids import find_build, parse_environment, parse_namespace
from condafs.web.listing import EnvironmentFilter, list_environments

router = APIRouter(prefix="/api/v1/environment", tags=["environments"], responses=REFUSALS)

Data = dict[str, Any]

Namespace = Annotated[str, Path(max_length=255, description="default")]
Name = Annotated[str, Path(max_length=255, pattern=r"^\w[\w.+-]*$", description="An environment's name")]
Generation = Annotated[
    str,
    Path(
        max_length=400,
        pattern=r"^(g[0-9]{1,9}|[0-9]{1,16}|[0-9a-f]{64}(-\w[\w.+-]*)?)$",
        description="A generation as g3, or a build by number, digest or name",
    ),
]


@router.get("/", response_model=PageEnvelope[list[Data]], summary="Environments, by name")
async def environments(  # noqa: PLR0913, PLR0917 - conda-store's parameters
    request: Request,
    house: HouseOf,
    _: ViewerOf,
    page: PageNumber = 1,
    size: PageSize | None = None,
    search: Annotated[str, Query(max_length=300)] = "",
    namespace: Annotated[str, Query(max_length=300)] = "",
    name: Annotated[str, Query(max_length=300)] = "",
    status: StatusQuery = None,
    packages: PackagesQuery = (),
    artifact: ArtifactQuery = None,
    order: Annotated[str, Query(pattern="^(asc|desc|)$")] = "asc",
    sort_by: Annotated[Sequence[str], Query(description="namespace and name are taken; both mean by name")] = (),
    retired: Annotated[bool, Query(description="With those that have no specification any more")] = False,  # noqa: FBT002
) -> Response:
    """Without `size`, one page holds a thousand: conda-store's own client cannot turn pages here."""
    del sort_by
    if namespace:
        parse_namespace(namespace)
    size = size or 1000
    condition = await build_condition(house, packages, artifact)
    wanted = EnvironmentFilter(
        search=search,
        name=EnvironmentName(name).text if name else "",
        states=states_of(status),
        with_retired=retired,
        build_matches=condition,
        is_descending=order == "desc",
    )
    with house.catalog.snapshot() as snapshot:
        found = list_environments(snapshot, wanted, window_of(page, size), house.names)
    items = [shapes.environment(record, build) for record, build in found.items]
    return answer(request, shapes.page_of(items, page, size, found.count))


@router.get("/{namespace}/{name}/", response_model=Envelope[Data], summary="One environment with its current build")
async def environment(request: Request, house: HouseOf, _: ViewerOf, namespace: Namespace, name: Name) -> Response:
    """While it has none, the build that it wants stands for the current one."""
    with house.catalog.snapshot() as snapshot:
        record = _require(snapshot, parse_environment(namespace, name))
        wanted = snapshot.build(record.wanted)
        current = snapshot.build(record.current) if record.current else wanted
        shown = shapes.environment(record, wanted)
        shown["current_build"] = shapes.build_in_full(snapshot, current) if current else None
    return ok(request, shown)


class EnvironmentChange(BaseModel):
    """What can be changed of an environment."""

    build_id: int | str | None = Field(None, description="The build to be current from now on: number or digest")
    description: str | None = Field(None, description="Taken and not kept: descriptions stand in specifications")


@router.put("/{namespace}/{name}/", response_model=Envelope[Data], summary="Roll back, or forward")
async def change_environment(  # noqa: PLR0913, PLR0917 - a route's parts
    request: Request, house: HouseOf, visitor: EditorOf, namespace: Namespace, name: Name, change: EnvironmentChange
) -> Response:
    """Let the name lead to another published build of it, at once, until a specification is written again."""
    environment_name = parse_environment(namespace, name)
    with house.catalog.snapshot() as snapshot:
        record = _require(snapshot, environment_name)
        build = find_build(snapshot, str(change.build_id)) if change.build_id is not None else None
    if build is None:
        return ok(request, None, "nothing was asked for")
    if build.name != environment_name:
        msg = f"build {change.build_id} is one of {build.name}, not of {environment_name}"
        raise NotFoundError(msg)
    if build.state is not BuildState.READY:
        msg = f"build {change.build_id} is {build.state}: only a published build can be current"
        raise ForbiddenError(msg)
    if record.current != build.digest:
        await house.mount.ask(roll_back, build.build, visitor.name)
    return ok(request, None, f"{environment_name} is at generation {build.generation} now")


@router.delete("/{namespace}/{name}/", response_model=Envelope[Data], summary="Retire an environment")
async def retire_environment(
    request: Request, house: HouseOf, visitor: EditorOf, namespace: Namespace, name: Name
) -> Response:
    """Remove its specification: the name leads nowhere from now on; its builds stay until they are collected."""
    with house.catalog.snapshot() as snapshot:
        record = _require(snapshot, parse_environment(namespace, name))
    await house.mount.ask(retire, record.name.text, visitor.name)
    return ok(request, None, f"{name} is retired")


@router.get("/{namespace}/{name}/history/", response_model=Envelope[list[Data]], summary="Its generations")
async def history(request: Request, house: HouseOf, _: ViewerOf, namespace: Namespace, name: Name) -> Response:
    """The published builds, newest first; `behalf` is the token that asked for it, when this server did."""
    with house.catalog.snapshot() as snapshot:
        record = _require(snapshot, parse_environment(namespace, name))
        builds = [item for item in snapshot.builds_of(record.name) if item.state is BuildState.READY]
        behalf = _askers(snapshot.events_of(record.name))
    shown = [
        {**shapes.build(item), "is_current": item.digest == record.current, "behalf": behalf.get(item.digest, "")}
        for item in reversed(builds)
    ]
    return ok(request, shown)


def _askers(events: Iterable[EventRecord]) -> dict[SpecDigest, str]:
    """By build: on whose behalf it was submitted last, before it was published last."""
    asked: dict[SpecDigest, str] = {}
    found: dict[SpecDigest, str] = {}
    for event in events:
        if event.digest and event.kind is EventKind.SUBMITTED:
            asked[event.digest] = event.behalf
        elif event.digest and event.kind is EventKind.PUBLISHED:
            found[event.digest] = asked.get(event.digest, "")
    return found


@router.get(
    "/{namespace}/{name}/diff/{before}/{after}/",
    response_model=Envelope[Data],
    summary="Which packages differ between two of its builds",
)
async def diff(  # noqa: PLR0913, PLR0917 - a route's parts
    request: Request,
    house: HouseOf,
    _: ViewerOf,
    namespace: Namespace,
    name: Name,
    before: Generation,
    after: Generation,
) -> Response:
    """Builds by number or digest, or `g1`, `g2`, … for generations."""
    environment_name = parse_environment(namespace, name)
    with house.catalog.snapshot() as snapshot:
        _require(snapshot, environment_name)
        builds = [_build_of(snapshot, environment_name, text) for text in (before, after)]
    changes = await differences(house, *builds)
    return ok(request, {"before": str(builds[0]), "after": str(builds[1]), "changes": changes})


async def differences(house: House, before: BuildName, after: BuildName) -> list[Data]:
    """What was added, removed and changed on the way from one build to another."""
    changes = compare_packages(await house.packages.of(before), await house.packages.of(after))
    return [_change(change) for change in changes]


def _change(change: Change) -> Data:
    return {
        "kind": change.kind,
        "name": change.name,
        "before": shapes.package(change.before, 0) if change.before else None,
        "after": shapes.package(change.after, 0) if change.after else None,
        "size": change.size_bytes,
    }


def _build_of(snapshot: Snapshot, name: EnvironmentName, text: str) -> BuildName:
    record: BuildRecord | None
    if text[:1] == "g" and text[1:].isdecimal():
        record = next((r for r in snapshot.builds_of(name) if r.generation and str(r.generation) == text[1:]), None)
    else:
        record = find_build(snapshot, text)
    if record is None or record.name != name:
        msg = f"{name} has no build {text}"
        raise NotFoundError(msg)
    return record.build


@router.get(
    "/{namespace}/{name}/lockfile/",
    summary="The lock of its current build",
    response_class=Response,
    responses=contents("application/yaml"),
)
async def lockfile(request: Request, house: HouseOf, _: ViewerOf, namespace: Namespace, name: Name) -> Response:
    """Rattler's lock format; it can be submitted again."""
    with house.catalog.snapshot() as snapshot:
        record = _require(snapshot, parse_environment(namespace, name))
    if record.current is None:
        msg = f"{name} has no build to use yet"
        raise NotFoundError(msg)
    return await serve_lock(request, house, BuildName(record.current, record.name))


def _require(snapshot: Snapshot, name: EnvironmentName) -> EnvironmentRecord:
    record = snapshot.environment(name)
    if record is None:
        msg = f"there is no environment {name}"
        raise NotFoundError(msg)
    return record
