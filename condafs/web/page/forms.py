"""What browsers send: forms, and places to go to afterwards."""

import re
from urllib.parse import parse_qsl

from starlette.requests import Request

from condafs.web.access.visitor import comes_from_here
from condafs.web.errors import NotAllowedError
from condafs.web.house import house_of

MOST_FIELDS = 32

_LOCAL = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*")
"""A path of this server. Browsers take `//host` and `/\\host` for another one, and drop tabs and line ends first."""


async def read_form(request: Request) -> dict[str, str]:
    """The fields of a form (`application/x-www-form-urlencoded`); nothing of anything else."""
    if request.headers.get("content-type", "").partition(";")[0].strip().lower() != "application/x-www-form-urlencoded":
        return {}
    text = (await request.body()).decode("ascii", "replace")
    try:
        return dict(parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS))
    except ValueError:
        return {}


def local_path(text: str) -> str:
    """Where to go next: a path of this server, `/` instead of anything else."""
    return text if _LOCAL.fullmatch(text) else "/"


def require_from_here(request: Request) -> None:
    """Refuse what a page of another server makes a browser send.

    Raises:
        NotAllowedError: It was that.
    """
    headers = request.headers
    says_where = "origin" in headers or "sec-fetch-site" in headers  # conda-store's client logs in and says nothing
    if says_where and not comes_from_here(headers, house_of(request).doorkeeper.public_host):
        msg = "another site made this request, so it is not done"
        raise NotAllowedError(msg)
