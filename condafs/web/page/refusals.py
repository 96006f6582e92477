"""What went wrong, as a page: what, and what can be done about it."""

from collections.abc import Mapping
from http import HTTPStatus

from starlette.requests import Request
from starlette.responses import Response

from condafs.web.access.visitor import Visitor
from condafs.web.errors import UnauthorizedError
from condafs.web.house import house_of, visitor_of
from condafs.web.page.forms import local_path
from condafs.web.page.view import SAFETY, View
from condafs.web.refusals import envelope

_FOR_PROGRAMS = ("/check", "/static/")


def form(request: Request, status: int, message: str, headers: Mapping[str, str]) -> Response:
    """The page of a refusal; one that a token could change has the form to show one. Programs get an envelope."""
    is_json = request.headers.get("content-type", "").startswith("application/json")
    if is_json or request.url.path.startswith(_FOR_PROGRAMS):
        return envelope(request, status, message, {**SAFETY, **headers})
    try:
        visitor = visitor_of(request)
    except UnauthorizedError:
        visitor = Visitor()
    view = View(request, house_of(request), visitor)
    query = f"?{request.url.query}" if request.url.query else ""
    here = f"{request.url.path}{query}" if request.method in {"GET", "HEAD"} else _page_of_action(request.url.path)
    return view.render(
        "refusal.html",
        status,
        headers,
        number=status,
        title=HTTPStatus(status).phrase,
        message=message[:1].upper() + message[1:],
        next=local_path(here),
    )


def _page_of_action(path: str) -> str:
    """Where the form of a POST stands."""
    return path if path.endswith(("/edit", "/new")) else path.rpartition("/")[0] or "/"
