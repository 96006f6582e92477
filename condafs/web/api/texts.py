"""Texts of a build: its lock, its log, its specification."""

import hashlib

from starlette.requests import Request
from starlette.responses import Response

from condafs.client.envs import Envs
from condafs.errors import NotFoundError
from condafs.names import BuildName
from condafs.spec.credentials import mask_credentials
from condafs.web.disposition import disposition
from condafs.web.house import House
from condafs.web.ranges import is_known

LOCK = "conda-meta/condafs.lock"


async def serve_lock(request: Request, house: House, build: BuildName) -> Response:
    """The lock of a published build, in rattler's format; credentials are masked."""
    text = await house.mount.ask(_read_lock, build)
    return serve_text(request, text, "application/yaml", f"{build.name}.lock")


def _read_lock(envs: Envs, build: BuildName) -> str:
    try:
        text = (envs.mount / str(build) / LOCK).read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, NotADirectoryError):
        msg = f"the build {build} is not published, so it has no lock"
        raise NotFoundError(msg) from None
    return "".join(mask_credentials(line) for line in text.splitlines(keepends=True))


def serve_text(request: Request, text: str, media_type: str, file_name: str) -> Response:
    """A text as a file that a browser shows."""
    content = text.encode("utf-8", "replace")
    etag = f'"{hashlib.sha256(content).hexdigest()[:32]}"'
    # Others' texts: no browser is to take one for a page.
    headers = {
        "etag": etag,
        "cache-control": "no-cache",
        "content-disposition": disposition("inline", file_name),
        "x-content-type-options": "nosniff",
    }
    if is_known(request.headers, etag):
        return Response(status_code=304, headers=headers)
    return Response(content, 200, headers, f"{media_type}; charset=utf-8")
