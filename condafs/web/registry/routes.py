"""The endpoints: version, manifests, blobs, tags, catalog. Read-only: images are made of environments alone."""

import re
from typing import Annotated, Any

import trio
from fastapi import APIRouter, Path, Query, Request
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from condafs.errors import NotFoundError
from condafs.web.access.visitor import SAFE_METHODS
from condafs.web.house import House, HouseOf, ViewerOf
from condafs.web.mounted_file import serve_content
from condafs.web.ranges import is_known
from condafs.web.registry import lookup
from condafs.web.registry.image import Image
from condafs.web.registry.images import PATIENCE_SECONDS
from condafs.web.registry.paging import Page
from condafs.web.registry.refusals import VERSION_HEADERS, Code, RegistryError
from condafs.web.registry.repository import Repository

MOST_SEARCHED = 32
"""Builds of a repository whose images are looked into for a digest that none has that is open."""

FOREVER = "max-age=31536000, immutable"
"""What has a digest does not change."""

_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}")
_DIGEST = re.compile(r"sha256:([0-9a-f]{64})")


class OneError(BaseModel):
    """Why not."""

    code: str
    message: str
    detail: Any = None


class Errors(BaseModel):
    """As the specification has errors."""

    errors: list[OneError]


REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": Errors, "description": "No name, digest, tag or number of items"},
    401: {"model": Errors, "description": "A token is needed, as the password of whoever"},
    403: {"model": Errors, "description": "There are too many dynamic environments"},
    404: {"model": Errors, "description": "There is no such thing"},
    429: {"model": Errors, "description": "Not now: it is being built or hashed, or too much is; ask again"},
    503: {"model": Errors, "description": "The mount cannot be used"},
}

router = APIRouter(prefix="/v2", tags=["registry"], responses=REFUSALS)

Name = Annotated[str, Path(description="An environment, or `condafs-dynamic/python.eq.3.12/numpy`")]
Reference = Annotated[str, Path(description="`latest`, the beginning of a build's digest, `g3`, or `sha256:…`")]
Digest = Annotated[str, Path(description="`sha256:` and 64 hex digits")]
Number = Annotated[int | None, Query(ge=0, le=10**9, description="Items a page")]
Last = Annotated[str, Query(max_length=300, description="Where the page before ended")]


@router.get("", include_in_schema=False)
@router.head("", include_in_schema=False)
@router.get("/", summary="Whether this is a registry, and who asks may read")
@router.head("/", include_in_schema=False)
async def version(_: ViewerOf) -> Response:
    """Clients ask this first; 401 makes them show their token."""
    return JSONResponse({}, headers=VERSION_HEADERS)


@router.get("/_catalog", summary="Repositories")
async def catalog(request: Request, house: HouseOf, _: ViewerOf, n: Number = None, last: Last = "") -> Response:
    """Of all environments that have a build to use."""
    with house.catalog.snapshot() as snapshot:
        page = Page.of(lookup.repositories(snapshot), n, last)
    return _list(request, {"repositories": page.items}, page, n)


@router.get("/{name:path}/tags/list", summary="Tags of a repository")
async def tags(
    request: Request, house: HouseOf, _: ViewerOf, name: Name, n: Number = None, last: Last = ""
) -> Response:
    """`latest`, and of each build the beginning of its digest and its generation."""
    repository = _repository(house, name)
    with house.catalog.snapshot() as snapshot:
        page = Page.of(lookup.tags(snapshot, repository), n, last)
    return _list(request, {"name": repository.text, "tags": page.items}, page, n)


def _list(request: Request, document: dict[str, Any], page: Page, n: int | None) -> Response:
    return JSONResponse(document, headers={**VERSION_HEADERS, **page.headers(request.url.path, n)})


@router.get("/{name:path}/manifests/{reference}", summary="The manifest of an image")
@router.head("/{name:path}/manifests/{reference}", include_in_schema=False)
async def manifest(request: Request, house: HouseOf, _: ViewerOf, name: Name, reference: Reference) -> Response:
    """Of the packages that a name under `condafs-dynamic/` asks for, as soon as they are built."""
    repository = _repository(house, name)
    is_digest = ":" in reference
    if is_digest:
        image = await _image_of_digest(house, repository, _hex_of(reference))
    elif _TAG.fullmatch(reference):
        image = await _image_of_tag(house, repository, reference)
    else:
        msg = f"{reference[:80]!r} is no tag: up to 128 letters, digits, '_', '.' and '-' are"
        raise RegistryError(Code.MANIFEST_INVALID, msg)
    headers = {
        **VERSION_HEADERS,
        "docker-content-digest": image.digest,
        "etag": f'"{image.digest}"',
        "cache-control": FOREVER if is_digest else "no-cache",
    }
    if is_known(request.headers, headers["etag"]):
        return Response(status_code=304, headers=headers)
    headers["content-length"] = str(len(image.manifest))
    return Response(b"" if request.method == "HEAD" else image.manifest, 200, headers, image.media_type)


async def _image_of_tag(house: House, repository: Repository, tag: str) -> Image:
    """What a tag stands for now."""
    deadline = trio.current_time() + PATIENCE_SECONDS
    if repository.path and tag == lookup.LATEST:
        build = await house.dynamic.build(repository.path, PATIENCE_SECONDS)
    else:
        with house.catalog.snapshot() as snapshot:
            build = lookup.find(snapshot, repository, tag)
    try:
        return await house.images.of(build, max(1, deadline - trio.current_time()))
    except NotFoundError as error:
        raise RegistryError(Code.MANIFEST_UNKNOWN, str(error), {"tag": tag}) from None


async def _image_of_digest(house: House, repository: Repository, digest_hex: str) -> Image:
    """The image that has this manifest."""
    digest = f"sha256:{digest_hex}"
    image = await house.images.with_manifest(repository.name, digest)
    image = image or await _search(house, repository, digest_hex)
    if image is None or image.digest != digest:
        msg = f"no image of {repository.text} has the manifest {digest}, as far as {MOST_SEARCHED} builds tell"
        raise RegistryError(Code.MANIFEST_UNKNOWN, msg, {"digest": digest})
    return image


@router.get("/{name:path}/blobs/{digest}", summary="A layer, or the configuration of an image")
@router.head("/{name:path}/blobs/{digest}", include_in_schema=False)
async def blob(request: Request, house: HouseOf, _: ViewerOf, name: Name, digest: Digest) -> Response:
    """A download that broke off can be taken up again (`Range`)."""
    repository = _repository(house, name)
    digest_hex = _hex_of(digest)
    house.streams.require_room()
    image = await house.images.having(repository.name, digest_hex)
    image = image or await _search(house, repository, digest_hex)
    if image is None:
        msg = f"no image of {repository.text} has the blob {digest}, as far as {MOST_SEARCHED} builds tell"
        raise RegistryError(Code.BLOB_UNKNOWN, msg, {"digest": digest})
    headers = {
        **VERSION_HEADERS,
        "content-type": "application/octet-stream",
        "docker-content-digest": digest,
        "etag": f'"{digest}"',
        "cache-control": FOREVER,
    }
    return serve_content(request, image.content(image.blobs[digest_hex]), house.streams, headers)


async def _search(house: House, repository: Repository, digest_hex: str) -> Image | None:
    """An image that nobody has open, because the server was started again, or because it is old."""
    with house.catalog.snapshot() as snapshot:
        builds = lookup.published(snapshot, repository, MOST_SEARCHED)
        if not builds:
            raise lookup.unknown_name(repository)
    return await house.images.search(builds, digest_hex)


@router.api_route("/{path:path}", methods=[*SAFE_METHODS, "POST", "PUT", "PATCH", "DELETE"], include_in_schema=False)
async def nothing(request: Request) -> Response:
    """The rest of the specification: uploads, deletions, referrers."""
    if request.method in SAFE_METHODS:
        raise HTTPException(404)
    msg = "this registry is read-only: its images are made of environments. Submit a specification instead"
    raise RegistryError(Code.UNSUPPORTED, msg)


def _repository(house: House, name: str) -> Repository:
    repository = Repository.parse(name)
    if repository.path:
        house.dynamic.require_on()
    return repository


def _hex_of(digest: str) -> str:
    match = _DIGEST.fullmatch(digest)
    if not match:
        msg = f"{digest[:80]!r} is no digest: sha256: and 64 hex digits is"
        raise RegistryError(Code.DIGEST_INVALID, msg)
    return match[1]
