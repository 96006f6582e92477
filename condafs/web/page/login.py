"""`/login`, `/logout`: a token becomes a cookie, and goes again.

A form for people; JSON (`{"username": …, "password": <token>}`) for conda-store's client.
"""

import json
from typing import Annotated

from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response

from condafs.web.access.sessions import COOKIE, SECONDS
from condafs.web.access.tokens import Token
from condafs.web.access.visitor import Visitor
from condafs.web.errors import UnauthorizedError
from condafs.web.house import House, HouseOf, VisitorOf
from condafs.web.page.forms import local_path, read_form, require_from_here
from condafs.web.page.view import SHOWN, View, base_url_of, redirect

router = APIRouter(include_in_schema=False)

Next = Annotated[str, Query(max_length=2000)]

MAX_TOKEN = 200
"""Characters; longer than any."""


@router.api_route("/login", methods=SHOWN)
@router.api_route("/login/", methods=SHOWN)
async def login(request: Request, house: HouseOf, visitor: VisitorOf, next: Next = "/") -> Response:  # noqa: A002
    """The form."""
    return await View(request, house, visitor).show("login.html", next=local_path(next), problem="")


@router.post("/login")
@router.post("/login/")
async def log_in(request: Request, house: HouseOf, next: Next = "/") -> Response:  # noqa: A002 - of the URL
    """A cookie, and on to where one wanted to go; the form again when the token is none."""
    require_from_here(request)
    if request.headers.get("content-type", "").startswith("application/json"):
        token = _find(house, _password_of(await request.body()))
        if token is None:
            msg = "this token is unknown, revoked or expired"
            raise UnauthorizedError(msg)
        document = {"status": "ok", "data": {"name": token.name, "role": token.role.value}, "message": None}
        return _with_cookie(request, house, token, JSONResponse(document))
    form = await read_form(request)
    onward = local_path(form.get("next", next))
    token = _find(house, form.get("password", ""))
    if token is None:
        problem = "This token is unknown, revoked or expired."
        view = View(request, house, Visitor())
        return await view.show("login.html", 401, next=onward, problem=problem)
    return _with_cookie(request, house, token, redirect(onward))


@router.api_route("/logout", methods=SHOWN)
@router.api_route("/logout/", methods=SHOWN)
async def logout(request: Request, house: HouseOf, visitor: VisitorOf, next: Next = "/") -> Response:  # noqa: A002
    """A button: what only leads here must not log anybody out."""
    return await View(request, house, visitor).show("logout.html", next=local_path(next))


@router.post("/logout")
@router.post("/logout/")
async def log_out(request: Request, house: HouseOf, next: Next = "/") -> Response:  # noqa: A002 - of the URL
    """The cookie is gone. It was only a name for the token, which goes on (`condafs token revoke` ends it)."""
    require_from_here(request)
    form = await read_form(request)
    response = redirect(local_path(form.get("next", next)))
    response.delete_cookie(COOKIE, path="/", httponly=True, samesite="lax", secure=_is_secure(request, house))
    return response


def _password_of(content: bytes) -> str:
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return ""
    password = document.get("password") if isinstance(document, dict) else None
    return password if isinstance(password, str) else ""


def _find(house: House, secret: str) -> Token | None:
    secret = secret.strip()
    return house.doorkeeper.tokens.find(secret, house.clock()) if 0 < len(secret) <= MAX_TOKEN else None


def _with_cookie(request: Request, house: House, token: Token, response: Response) -> Response:
    now = house.clock()
    ends = min(now + SECONDS, token.expires or float("inf"))
    cookie = house.doorkeeper.sessions.sign(token.sha256, ends)
    response.set_cookie(
        COOKIE,
        cookie,
        max_age=int(ends - now),
        path="/",
        httponly=True,
        samesite="lax",
        secure=_is_secure(request, house),
    )
    return response


def _is_secure(request: Request, house: House) -> bool:
    return base_url_of(request, house).startswith("https:")
