"""Builds: lists, one, trying again, cancelling, deleting, and what a build can be had as."""

from typing import Annotated, Any

import trio
from fastapi import APIRouter, Path, Query, Request
from starlette.responses import PlainTextResponse, Response

from condafs.catalog.records import ACTIVE_STATES, BuildRecord, BuildState
from condafs.client.envs import Envs
from condafs.client.steering import delete_build, try_again
from condafs.errors import ForbiddenError, NotFoundError
from condafs.names import BuildName, EnvironmentName
from condafs.repository import repository_name
from condafs.spec.canonical import from_canonical
from condafs.web.api import shapes
from condafs.web.api.envelope import (
    DEFAULT_PAGE,
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
from condafs.web.api.logs import serve_log
from condafs.web.api.texts import serve_lock, serve_text
from condafs.web.archives import ArchiveForm, serve_archive
from condafs.web.house import AdminOf, EditorOf, House, HouseOf, ViewerOf
from condafs.web.ids import build_id, environment_id, find_build, parse_namespace
from condafs.web.listing import BUILD_SORTS, BuildFilter, Found, Window, list_builds

router = APIRouter(prefix="/api/v1/build", tags=["builds"], responses=REFUSALS)

Data = dict[str, Any]
Build = Annotated[
    str,
    Path(
        description="Number, digest or full name of a build",
        max_length=400,
        pattern=r"^([0-9]{1,16}|[0-9a-f]{64}(-\w[\w.+-]*)?)$",
    ),
]


def find(house: House, text: str) -> BuildRecord:
    """A build (NotFoundError, InvalidNameError)."""
    with house.catalog.snapshot() as snapshot:
        return find_build(snapshot, text)


@router.get("/", response_model=PageEnvelope[list[Data]], summary="Builds")
async def builds(  # noqa: PLR0913, PLR0917 - conda-store's parameters
    request: Request,
    house: HouseOf,
    _: ViewerOf,
    page: PageNumber = 1,
    size: PageSize = DEFAULT_PAGE,
    namespace: Annotated[str, Query(max_length=300)] = "",
    name: Annotated[str, Query(max_length=300)] = "",
    environment_id: Annotated[int | None, Query(ge=0)] = None,
    status: StatusQuery = None,
    packages: PackagesQuery = (),
    artifact: ArtifactQuery = None,
    sort_by: Annotated[list[str] | None, Query(description=f"One of {', '.join(BUILD_SORTS)}")] = None,
    order: Annotated[str, Query(pattern="^(asc|desc|)$")] = "asc",
) -> Response:
    """By number, unless `sort_by` says otherwise."""
    if namespace:
        parse_namespace(namespace)
    sort = (sort_by or ["id"])[0]
    chosen = name or (_name_of(house, environment_id) if environment_id is not None else "")
    if environment_id is not None and not chosen:
        return answer(request, shapes.page_of([], page, size, 0))
    wanted = BuildFilter(
        name=EnvironmentName(chosen).text if chosen else "",
        states=states_of(status),
        matches=await build_condition(house, packages, artifact),
        sort=sort if sort in BUILD_SORTS else "id",
        is_descending=order == "desc",
    )
    found = await trio.to_thread.run_sync(_list, house, wanted, window_of(page, size))
    return answer(request, shapes.page_of([shapes.build(item) for item in found.items], page, size, found.count))


def _list(house: House, wanted: BuildFilter, window: Window) -> Found[BuildRecord]:
    """In a thread: it looks at all builds, a second of work for a hundred thousand."""
    with house.catalog.snapshot() as snapshot:
        return list_builds(snapshot, wanted, window)


def _name_of(house: House, number: int) -> str:
    with house.catalog.snapshot() as snapshot:
        return next((name for name in snapshot.environment_names() if environment_id(name) == number), "")


@router.get("/{build}/", response_model=Envelope[Data], summary="One build with its specification")
async def build(request: Request, house: HouseOf, _: ViewerOf, build: Build) -> Response:
    """State, times, sizes, last failure."""
    with house.catalog.snapshot() as snapshot:
        shown = shapes.build_in_full(snapshot, find_build(snapshot, build))
    return ok(request, shown)


@router.put("/{build}/", response_model=Envelope[Data], summary="Try a failed build again")
async def retry_build(request: Request, house: HouseOf, _: EditorOf, build: Build) -> Response:
    """As `touch` of its specification. What is published already is never built twice."""
    record = find(house, build)
    with house.catalog.snapshot() as snapshot:
        environment = snapshot.environment(record.name)
    if record.state is BuildState.READY:
        msg = f"{record.build} is built, and nothing is built twice: ask for a newer day (exclude-newer)"
        raise ForbiddenError(msg)
    if environment is None or environment.wanted != record.digest:
        msg = f"{record.build} is not what {record.name} wants any more: submit its specification again"
        raise ForbiddenError(msg)
    await house.mount.ask(try_again, record.name.text)
    return ok(request, {"build_id": build_id(record.digest)}, f"{record.build} is tried again")


@router.put("/{build}/cancel/", response_model=Envelope[Data], summary="Cancel a build in the making")
async def cancel_build(request: Request, house: HouseOf, _: EditorOf, build: Build) -> Response:
    """Its environment keeps its current build."""
    record = find(house, build)
    if record.state not in ACTIVE_STATES or record.state is BuildState.DELETING:
        msg = f"{record.build} is {record.state}: nothing is being built"
        raise ForbiddenError(msg)
    await house.mount.ask(_cancel, record.build)
    return ok(request, None, f"{record.build} is cancelled")


def _cancel(envs: Envs, build: BuildName) -> None:
    """By removing its log. It need not be what its environment wants: an older one may still be in the making."""
    try:
        envs.log(build).unlink()
    except FileNotFoundError:
        msg = f"{build} ended just now"
        raise ForbiddenError(msg) from None


@router.delete("/{build}/", response_model=Envelope[Data], summary="Delete a published build that is not current")
async def remove_build(request: Request, house: HouseOf, _: AdminOf, build: Build) -> Response:
    """It is gone at once, its files a little later."""
    record = find(house, build)
    if record.state is not BuildState.READY:
        msg = f"{record.build} is {record.state}: only a published build has something to delete"
        raise ForbiddenError(msg)
    await house.mount.ask(delete_build, record.build)
    return ok(request, None, f"{record.build} is deleted")


_YES, _NO = frozenset({"true", "1"}), frozenset({"false", "0"})
"""Clients send `exact` as a flag, too."""


@router.get("/{build}/packages/", response_model=PageEnvelope[list[Data]], summary="Its packages")
async def packages(  # noqa: PLR0913, PLR0917 - conda-store's parameters
    request: Request,
    house: HouseOf,
    _: ViewerOf,
    build: Build,
    search: Annotated[str, Query(max_length=200)] = "",
    exact: Annotated[str, Query(max_length=200, description="The whole name; or true: `search` is")] = "",
    page: PageNumber = 1,
    size: PageSize = DEFAULT_PAGE,
) -> Response:
    """Conda's and pip's; none before it is published."""
    record = find(house, build)
    everything = await house.packages.of(record.build) if record.state is BuildState.READY else []
    whole = search if exact.lower() in _YES else exact
    kept = [
        item
        for item in everything
        if search.lower() in item.name.lower() and (not exact or exact.lower() in _NO or item.name == whole)
    ]
    items = [shapes.package(item, place) for place, item in enumerate(kept, 1)]
    return answer(request, shapes.page_of(window_of(page, size).cut(items), page, size, len(items)))


@router.get(
    "/{build}/logs/",
    summary="Its log; with follow=1 as it grows (server-sent events)",
    response_class=Response,
    responses=contents("text/plain", "text/event-stream"),
)
async def logs(
    request: Request,
    house: HouseOf,
    _: ViewerOf,
    build: Build,
    follow: Annotated[bool, Query(description="Go on until the build ends")] = False,  # noqa: FBT002 - of the URL
) -> Response:
    """Events: `log` (a line), `progress` (JSON), `end` (JSON with the state). Their ids are offsets to go on from."""
    return await serve_log(request, house, find(house, build).build, is_followed=follow)


@router.get(
    "/{build}/yaml/",
    summary="Its specification, as it can be submitted again",
    response_class=Response,
    responses=contents("application/yaml", "text/plain"),
)
async def specification(request: Request, house: HouseOf, _: ViewerOf, build: Build) -> Response:
    """Normalised, not the file as it was written; credentials are masked."""
    with house.catalog.snapshot() as snapshot:
        record = find_build(snapshot, build)
        canonical = snapshot.specification(record.digest)
    if canonical is None:
        msg = f"the specification of {record.build} is not known any more"
        raise NotFoundError(msg)
    wanted = from_canonical(canonical)
    suffix, media_type = ("txt", "text/plain") if wanted.packages else ("yaml", "application/yaml")
    return serve_text(request, shapes.yaml_of(wanted), media_type, f"{record.name}.{suffix}")


@router.get("/{build}/lockfile/", summary="Its lock", response_class=Response, responses=contents("application/yaml"))
async def lockfile(request: Request, house: HouseOf, _: ViewerOf, build: Build) -> Response:
    """Rattler's lock format; it can be submitted again."""
    return await serve_lock(request, house, find(house, build).build)


@router.get(
    "/{build}/archive/",
    summary="All of it as a tarball that works anywhere",
    response_class=Response,
    responses=contents("application/gzip", "application/x-tar", status=(200, 206)),
)
@router.head("/{build}/archive/", include_in_schema=False)
async def archive(
    request: Request,
    house: HouseOf,
    _: ViewerOf,
    build: Build,
    format: ArchiveForm = ArchiveForm.GZIP,  # noqa: A002 - of the URL
) -> Response:
    """Run `bin/conda-unpack` after unpacking. A download that broke off can be taken up again (`Range`)."""
    record = find(house, build)
    if record.state is not BuildState.READY:
        msg = f"{record.build} is {record.state}: only a published build can be had as an archive"
        raise NotFoundError(msg)
    return await serve_archive(request, house, record.build, format)


@router.get(
    "/{build}/docker/",
    summary="What docker pull takes",
    response_class=Response,
    responses=contents("text/plain"),
)
async def docker(request: Request, house: HouseOf, _: ViewerOf, build: Build) -> Response:
    """A reference to its image in this server's registry."""
    record = find(house, build)
    host = house.settings.http_url.partition("://")[2] or request.headers.get("host", "localhost")
    return PlainTextResponse(f"{host}/{repository_name(record.name.text)}:{record.digest.short}")
