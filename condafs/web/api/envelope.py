"""The envelope of every JSON answer, what its pages are asked for with, and the entity tag that spares sending it."""

import hashlib
import json
from typing import Annotated, Any, Generic, TypeVar

from fastapi import Query
from pydantic import BaseModel
from starlette.requests import Request
from starlette.responses import Response

from condafs.web.listing import Window
from condafs.web.ranges import is_known

T = TypeVar("T")

MAX_PAGE = 1000
DEFAULT_PAGE = 100


class Envelope(BaseModel, Generic[T]):
    """An answer."""

    status: str = "ok"
    data: T | None = None
    message: str | None = None


class PageEnvelope(Envelope[T], Generic[T]):
    """One page of a list."""

    page: int
    size: int
    count: int


class Refusal(BaseModel):
    """Why not."""

    status: str = "error"
    message: str
    data: Any = None


REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": Refusal, "description": "The request is wrong; the message says what and where"},
    401: {"model": Refusal, "description": "A token is needed"},
    403: {"model": Refusal, "description": "The token does not allow it"},
    404: {"model": Refusal, "description": "There is no such thing"},
    409: {"model": Refusal, "description": "Not in this state"},
    405: {"model": Refusal, "description": "Not this method here"},
    408: {"model": Refusal, "description": "The body of the request did not come"},
    413: {"model": Refusal, "description": "The body is too long"},
    422: {"model": Refusal, "description": "A parameter or the body has the wrong form"},
    424: {"model": Refusal, "description": "A channel cannot be reached"},
    503: {"model": Refusal, "description": "Not now: ask again after `retry-after` seconds"},
    507: {"model": Refusal, "description": "No room left"},
}
"""What every route may answer."""


def contents(*media_types: str, status: tuple[int, ...] = (200,)) -> dict[int | str, dict[str, Any]]:
    """For the OpenAPI document: what a route answers that is no envelope."""
    found: dict[int | str, dict[str, Any]] = {
        number: {"description": "Its content", "content": {kind: {} for kind in media_types}} for number in status
    }
    return {**found, 304: {"description": "Nothing has changed"}}


PageNumber = Annotated[int, Query(ge=1, le=1_000_000, description="From 1")]
PageSize = Annotated[int, Query(ge=1, le=MAX_PAGE, description="Items a page")]


def window_of(page: int, size: int) -> Window:
    """The page that is asked for."""
    return Window(page, size)


def answer(request: Request, document: Any, *, status: int = 200) -> Response:
    """The answer with a document; nothing but 304 when the client has it already.

    Args:
        request: The request.
        document: The whole envelope.
        status: Of the answer.
    """
    content = json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "replace")
    headers = {"cache-control": "no-cache"}
    if request.method in {"GET", "HEAD"}:
        headers["etag"] = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
        if is_known(request.headers, headers["etag"]):
            return Response(status_code=304, headers=headers)
    return Response(content, status, headers, "application/json")


def ok(request: Request, data: Any, message: str | None = None) -> Response:
    """An envelope of one thing."""
    return answer(request, {"status": "ok", "data": data, "message": message})
