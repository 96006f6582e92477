"""What goes wrong in a route turned into an answer, in the form of its place: envelope, registry's error, page."""

import logging
from collections.abc import Callable, Mapping, Sequence
from typing import TypeAlias

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Match

from condafs.errors import CondafsError
from condafs.web.errors import BusyError, status_of

logger = logging.getLogger(__name__)

Form: TypeAlias = Callable[[Request, int, str, Mapping[str, str]], Response]
"""Makes the answer of a refusal: of the request, a status, a text for people, headers."""


def envelope(request: Request, status: int, message: str, headers: Mapping[str, str]) -> Response:
    """The form of `/api`."""
    del request
    # What is refused may hold halves of characters, which are no UTF-8.
    whole = message.encode("utf-8", "replace").decode()
    return JSONResponse({"status": "error", "message": whole, "data": None}, status, headers)


_METHODS = ("DELETE", "GET", "HEAD", "PATCH", "POST", "PUT")


class Refusals:
    """Chooses the form by the beginning of the path.

    Args:
        forms: (beginning, form); the first that fits. What fits none is an envelope.
    """

    def __init__(self, forms: Sequence[tuple[str, Form]] = ()) -> None:
        self._forms = forms

    def register(self, app: FastAPI) -> None:
        """Have an application's errors come here."""
        app.add_exception_handler(CondafsError, self._condafs_error)
        app.add_exception_handler(RequestValidationError, self._wrong_form)
        app.add_exception_handler(HTTPException, self._http_error)
        app.add_exception_handler(Exception, self._defect)

    def _refuse(
        self, request: Request, status: int, message: str, headers: Mapping[str, str] | None = None
    ) -> Response:
        path = request.url.path
        form = next((form for beginning, form in self._forms if path.startswith(beginning)), envelope)
        return form(request, status, message, headers or {})

    async def _condafs_error(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, CondafsError)  # noqa: S101 - registered for it
        headers = {}
        status = status_of(error)
        if isinstance(error, BusyError):
            headers["retry-after"] = str(error.retry_seconds)
        if status == 401:  # noqa: PLR2004 - a status
            headers["www-authenticate"] = 'Bearer realm="condafs"'
        return self._refuse(request, status, str(error).rstrip(), headers)

    async def _wrong_form(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it
        problems = [f"{'.'.join(str(part) for part in item['loc'])}: {item['msg']}" for item in error.errors()]
        return self._refuse(request, 422, "; ".join(problems))

    async def _http_error(self, request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
        if error.status_code == 404:  # noqa: PLR2004 - a status
            return self._refuse(request, 404, f"there is nothing at {request.url.path}")
        if error.status_code == 405:  # noqa: PLR2004 - a status
            allowed = ", ".join(sorted(_methods(request.app.routes, request)))
            return self._refuse(request, 405, f"{request.method} is not for {request.url.path}", {"allow": allowed})
        return self._refuse(request, error.status_code, error.detail, error.headers)

    async def _defect(self, request: Request, error: Exception) -> Response:
        logger.error("%s %s: %r", request.method, request.url.path, error, exc_info=error)
        return self._refuse(request, 500, "condafs made a mistake; its log says which")


def _methods(routes: Sequence[BaseRoute], request: Request) -> set[str]:
    """All that the path can be asked for; starlette names only those of the first route that has it."""
    return {
        method
        for method in _METHODS
        if any(route.matches({**request.scope, "method": method})[0] is Match.FULL for route in routes)
    }
