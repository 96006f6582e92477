"""The pages' routes, and their assets."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from condafs.errors import NotFoundError
from condafs.web.house import HouseOf
from condafs.web.page import actions, disk, documentation, editor, environment, home, login
from condafs.web.page.view import SHOWN
from condafs.web.ranges import is_known

router = APIRouter(include_in_schema=False)
for part in (home, disk, editor, actions, environment, login, documentation):
    router.include_router(part.router)


@router.api_route("/static/{digest}/{name}", methods=SHOWN)
async def static(request: Request, house: HouseOf, digest: str, name: str) -> Response:
    """An asset. Its URL changes with it, so it never has to be asked for again."""
    asset = house.pages.by_url.get(f"/static/{digest}/{name}")
    if asset is None:
        msg = f"there is no {name} of that version"
        raise NotFoundError(msg)
    headers = {
        "cache-control": "public, max-age=31536000, immutable",
        "etag": asset.etag,
        "x-content-type-options": "nosniff",
    }
    if is_known(request.headers, asset.etag):
        return Response(status_code=304, headers=headers)
    return Response(asset.content, 200, headers, asset.media_type)
