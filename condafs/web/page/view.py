"""Who sees a page, and how it is answered."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any

import trio
from fastapi import Depends, Request
from starlette.responses import Response

from condafs.web.access.roles import Role
from condafs.web.access.visitor import Visitor
from condafs.web.house import House, HouseOf, ViewerOf
from condafs.web.page.moments import ago

SHOWN = ["GET", "HEAD"]
"""How pages are asked for."""

SAFETY = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "x-frame-options": "DENY",
    "x-content-type-options": "nosniff",
    # `no-referrer` would make browsers send `Origin: null` with our own forms (Fetch standard, 3.2).
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
}
"""A page runs nothing and loads nothing but what is served here, sends forms nowhere else, and is in nobody's frame."""

_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]{1,260}")
"""What a page shows as a part of commands to copy."""

HEADERS = {**SAFETY, "cache-control": "private, no-cache", "vary": "cookie, authorization"}


@dataclass(frozen=True, slots=True)
class View:
    """A request for a page, of somebody who may see it."""

    request: Request
    house: House
    visitor: Visitor

    @property
    def base_url(self) -> str:
        """How this server is called from outside."""
        return base_url_of(self.request, self.house)

    async def show(self, template: str, status: int = 200, **values: Any) -> Response:
        """The page, rendered in a thread: a long list takes some milliseconds."""
        return await trio.to_thread.run_sync(partial(self.render, template, status, {}, **values))

    def render(self, template: str, status: int, headers: Mapping[str, str], **values: Any) -> Response:
        """The page, rendered here and now."""
        content = self.house.pages.templates.get_template(template).render(self._shared() | values)
        return Response(content, status, {**HEADERS, **headers}, "text/html; charset=utf-8")

    def _shared(self) -> dict[str, Any]:
        """What every page may show."""
        return {
            "visitor": self.visitor,
            "is_editor": self.visitor.may(Role.EDITOR),
            "ago": partial(ago, now=self.house.clock()),
            "here": self.request.url.path,
            "mount": str(self.house.mount.envs.mount),
            "base_url": self.base_url,
        }


def base_url_of(request: Request, house: House) -> str:
    """`https://host:port`, from the settings or the request."""
    if house.settings.http_url:
        return house.settings.http_url.rstrip("/")
    host = request.headers.get("host", "")
    return f"{request.url.scheme}://{host if _HOST.fullmatch(host) else 'localhost'}"


def redirect(place: str) -> Response:
    """To another page, which is asked for with GET (RFC 9110, 15.4.4)."""
    return Response(status_code=303, headers={**HEADERS, "location": place})


def _view_of(request: Request, house: HouseOf, visitor: ViewerOf) -> View:
    return View(request, house, visitor)


ViewOf = Annotated[View, Depends(_view_of)]
