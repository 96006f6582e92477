"""Errors in the form of the distribution specification, with its codes.

::

    {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "…", "detail": …}]}

What will work later is 429 with `Retry-After`, whatever the reason: skopeo, podman and containerd wait and ask again
after that and after no other status (containers/image, docker_client.go; containerd, resolver.go). The codes beyond
the specification's list are distribution's (errcode/register.go).
"""

from collections.abc import Mapping
from enum import StrEnum

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from condafs.errors import CondafsError

VERSION_HEADERS = {"docker-distribution-api-version": "registry/2.0"}
"""By which older clients know a registry."""

READING = "GET, HEAD"


class Code(StrEnum):
    """What clients tell errors by."""

    BLOB_UNKNOWN = "BLOB_UNKNOWN"
    DENIED = "DENIED"
    DIGEST_INVALID = "DIGEST_INVALID"
    MANIFEST_INVALID = "MANIFEST_INVALID"
    MANIFEST_UNKNOWN = "MANIFEST_UNKNOWN"
    NAME_INVALID = "NAME_INVALID"
    NAME_UNKNOWN = "NAME_UNKNOWN"
    PAGINATION_NUMBER_INVALID = "PAGINATION_NUMBER_INVALID"
    TOOMANYREQUESTS = "TOOMANYREQUESTS"
    UNAUTHORIZED = "UNAUTHORIZED"
    UNAVAILABLE = "UNAVAILABLE"
    UNKNOWN = "UNKNOWN"
    UNSUPPORTED = "UNSUPPORTED"


_STATUS = {
    Code.BLOB_UNKNOWN: 404,
    Code.DENIED: 403,
    Code.DIGEST_INVALID: 400,
    Code.MANIFEST_INVALID: 400,
    Code.MANIFEST_UNKNOWN: 404,
    Code.NAME_INVALID: 400,
    Code.NAME_UNKNOWN: 404,
    Code.UNSUPPORTED: 405,
}
"""Of what this registry refuses itself."""

_CODES = {
    400: Code.NAME_INVALID,
    401: Code.UNAUTHORIZED,
    403: Code.DENIED,
    404: Code.UNSUPPORTED,
    405: Code.UNSUPPORTED,
    409: Code.DENIED,
    422: Code.PAGINATION_NUMBER_INVALID,
    429: Code.TOOMANYREQUESTS,
    503: Code.UNAVAILABLE,
    507: Code.UNAVAILABLE,
}
"""Of what others refuse: no endpoint at that path, the number of a page that is none, and so on."""


class RegistryError(CondafsError):
    """Refused, with one of the specification's codes.

    Args:
        code: Which.
        message: Why, and what to do.
        detail: What it is about.
    """

    def __init__(self, code: Code, message: str, detail: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.detail = detail


def form(request: Request, status: int, message: str, headers: Mapping[str, str]) -> Response:
    """The form of `/v2`, of what others refuse."""
    del request
    shown = dict(headers)
    if status == 401:  # noqa: PLR2004 - a status; clients of containers show a token as a password
        shown["www-authenticate"] = 'Basic realm="condafs"'
    elif status == 405:  # noqa: PLR2004
        shown["allow"] = READING
    elif status == 422:  # noqa: PLR2004 - which the specification does not have
        return _answer(400, _CODES[422], message, shown)
    elif "retry-after" in shown:
        status = 429
    return _answer(status, _CODES.get(status, Code.UNKNOWN), message, shown)


async def answer_to(request: Request, error: Exception) -> Response:
    """The answer that a `RegistryError` is."""
    del request
    assert isinstance(error, RegistryError)  # noqa: S101 - registered for it
    headers = {"allow": READING} if error.code is Code.UNSUPPORTED else {}
    return _answer(_STATUS[error.code], error.code, str(error).rstrip(), headers, error.detail)


def _answer(
    status: int, code: Code, message: str, headers: Mapping[str, str], detail: Mapping[str, str] | None = None
) -> Response:
    document = {"errors": [{"code": code.value, "message": message, "detail": detail}]}
    return JSONResponse(document, status, {**VERSION_HEADERS, **headers})
