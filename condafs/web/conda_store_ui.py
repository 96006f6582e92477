"""`/ui/`: conda-store's own web interface, for those who are used to it; its files are the administrator's.

They are those of the npm package `@conda-store/conda-store-ui` (`dist/`), which is one script and one style sheet;
what it has to know of its server it reads from a global object. Its pages have addresses of their own below `/ui/`,
which all are the same page to the server.
"""

import json
from pathlib import Path
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Query, Request
from starlette.responses import FileResponse, HTMLResponse, RedirectResponse, Response

from condafs.errors import NotFoundError, UserError
from condafs.web.house import House, HouseOf

router = APIRouter(prefix="/ui", include_in_schema=False)

SCRIPT, STYLE, CONFIG = "main.js", "main.css", "config.js"

_PAGE = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>conda-store</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<script src="/ui/{CONFIG}"></script><script defer src="/ui/{SCRIPT}"></script>
<link href="/ui/{STYLE}" rel="stylesheet"></head><body></body></html>
"""


def require_ui(directory: Path) -> None:
    """Make sure that it is there, before anybody asks for it.

    Raises:
        UserError: It is not.
    """
    for name in (SCRIPT, STYLE):
        if not (directory / name).is_file():
            msg = f"there is no {name} in {directory}: http-ui is the directory `dist` of @conda-store/conda-store-ui"
            raise UserError(msg)


def _directory(house: House) -> Path:
    if house.settings.http_ui is None:
        msg = "conda-store's web interface is not installed here (setting http-ui)"
        raise NotFoundError(msg)
    return house.settings.http_ui


@router.get(f"/{CONFIG}")
async def config(request: Request, house: HouseOf) -> Response:
    """Where its server is: here."""
    _directory(house)
    here = _here(request, house)
    known = {
        "REACT_APP_API_URL": f"{here}/",
        "REACT_APP_AUTH_METHOD": "cookie",
        "REACT_APP_LOGIN_PAGE_URL": f"{here}/ui/login?page=",  # it puts the address of the page behind
        "REACT_APP_LOGOUT_PAGE_URL": f"{here}/logout?next=/ui/",
        "REACT_APP_STYLE_TYPE": "green-accent",
        "REACT_APP_SHOW_AUTH_BUTTON": "true",
        "REACT_APP_ROUTER_TYPE": "browser",
        "REACT_APP_URL_BASENAME": "/ui",
    }
    script = f"window.condaStoreConfig = {json.dumps(known)};\n".replace("<", "\\u003c")
    return Response(script, media_type="text/javascript", headers={"cache-control": "no-cache"})


@router.get(f"/{SCRIPT}")
async def script(house: HouseOf) -> Response:
    """Its program."""
    return FileResponse(_directory(house) / SCRIPT)


@router.get(f"/{STYLE}")
async def style(house: HouseOf) -> Response:
    """Its looks."""
    return FileResponse(_directory(house) / STYLE)


@router.get("/login")
async def login(request: Request, house: HouseOf, page: Annotated[str, Query(max_length=2000)] = "") -> Response:
    """Our page to log in at, which takes paths of this server only."""
    _directory(house)
    path = page.removeprefix(_here(request, house))
    return RedirectResponse(f"/login?{urlencode({'next': path})}", 303)


def _here(request: Request, house: House) -> str:
    return house.settings.http_url or str(request.base_url).rstrip("/")


@router.get("")
@router.get("/{_path:path}")
async def page(house: HouseOf, _path: str = "") -> Response:
    """Its page, whatever is shown on it."""
    _directory(house)
    return HTMLResponse(_PAGE)
