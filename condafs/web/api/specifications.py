"""Specifications: submitting one, and solving one without building it."""

import re
from collections.abc import Sequence
from typing import Annotated, Any

import trio
import yaml
from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.responses import Response

from condafs.builder.protocol import FailureKind
from condafs.builder.solved import SolvedPackage
from condafs.builder.solving import SolveError, UnsolvableError, solve
from condafs.errors import SpecificationError, UserError
from condafs.spec.nodes import Mapping, compose
from condafs.spec.source import Source
from condafs.web.api.envelope import REFUSALS, Envelope, answer, ok
from condafs.web.errors import BusyError, ChannelUnreachableError
from condafs.web.house import EditorOf, HouseOf
from condafs.web.ids import NAMESPACE, build_id, parse_namespace
from condafs.web.submitting import check, submit

router = APIRouter(prefix="/api/v1/specification", tags=["specifications"], responses=REFUSALS)

Data = dict[str, Any]

_EXPLICIT = re.compile(r"^[ \t]*@EXPLICIT[ \t\r]*$", re.MULTILINE)
"""No `\\s`: it goes over lines, and a megabyte of empty ones would take an hour."""


class SpecificationText(BaseModel):
    """What is submitted."""

    specification: str = Field("", max_length=1 << 20, description="A file as it would be copied into .specs")
    namespace: str | None = NAMESPACE
    is_lockfile: bool = Field(default=False, description="The text is a lock (rattler's) or an @EXPLICIT list")
    environment_name: str = Field("", max_length=300, description="Name of the environment, when the text gives none")
    environment_description: str = Field("", max_length=10_000, description="Not kept")


@router.post("/", response_model=Envelope[Data], summary="Submit a specification: a build is scheduled")
async def submit_specification(
    request: Request, house: HouseOf, visitor: EditorOf, wanted: SpecificationText
) -> Response:
    """The same as copying the file into `.specs`. What was built before is current at once and not built again."""
    parse_namespace(wanted.namespace or NAMESPACE)
    content = wanted.specification.encode("utf-8", "replace")
    # In a thread: to find out whether a megabyte of YAML gives a name takes a second.
    file_name = await trio.to_thread.run_sync(file_name_of, wanted)
    try:
        submitted = await house.mount.ask(submit, content, file_name, visitor.name)
    except SpecificationError as error:
        raise UserError(error.render(file_name).rstrip()) from None
    build = submitted.build
    data = {"build_id": build_id(build.digest), "digest": build.digest.hex, "name": build.name.text}
    return ok(request, data, f"{build} is submitted")


def file_name_of(wanted: SpecificationText) -> str:
    """The name under which a text is read; what it is called in refusals."""
    stem = wanted.environment_name or "environment"
    if not re.fullmatch(r"[A-Za-z0-9_][\w.+-]{0,160}", stem, re.ASCII):
        msg = f"{stem!r} can be no name of an environment: letters, digits, '_', '.', '-' and '+' can"
        raise UserError(msg)
    if not wanted.environment_name and not wanted.is_lockfile and not _gives_name(wanted.specification):
        msg = "the specification gives no name: write `name: something` into it, or send environment_name"
        raise UserError(msg)
    if wanted.is_lockfile:
        return f"{stem}.txt" if _EXPLICIT.search(wanted.specification) else f"{stem}.lock"
    return f"{stem}.yaml"


def _gives_name(text: str) -> bool:
    """Whether a YAML text has a key `name`; what is no YAML is refused with its place later."""
    try:
        root = compose(Source.of(text))
    except SpecificationError:
        return True
    return not isinstance(root, Mapping) or root.get("name") is not None


Words = Annotated[Sequence[str], Query(max_length=200)]

MOST_WAITING = 8
"""For the solver; whoever comes then hears so."""

SOLVE_SECONDS = 120
SOLVE_BYTES = 4 << 30


@router.get("/", summary="Solve only: which packages a specification would install")
async def solve_only(  # noqa: PLR0913, PLR0917 - conda-store's parameters
    request: Request,
    house: HouseOf,
    _: EditorOf,
    channel: Words = (),
    channels: Words = (),
    conda: Words = (),
    pip: Words = (),
) -> Response:
    """Nothing is built or kept. `channels` is what conda-store's client sends, `channel` what its server reads."""
    dependencies = [*conda, {"pip": list(pip)}] if pip else list(conda)
    document = {"name": "solve", "channels": [*channel, *channels], "dependencies": dependencies}
    text = yaml.safe_dump({key: value for key, value in document.items() if value})
    try:
        specification = check(text.encode(), "solve.yaml")
    except SpecificationError as error:
        raise UserError(error.message) from None
    if house.solving.statistics().tasks_waiting >= MOST_WAITING:
        msg = f"{MOST_WAITING} others wait for the solver already"
        raise BusyError(msg, 30)
    try:
        async with house.solving:
            solution = await solve(
                specification,
                cache=house.settings.http_directory / "solving",
                default_channels=house.settings.default_channels,
                channel_alias=house.settings.channel_alias,
                memory_bytes=SOLVE_BYTES,
                timeout_seconds=SOLVE_SECONDS,
            )
    except UnsolvableError:
        raise
    except SolveError as error:
        if error.kind is FailureKind.NETWORK:
            raise ChannelUnreachableError(error.message) from None
        raise BusyError(error.message, 30) from None
    packages = [_package(item, place) for place, item in enumerate(solution.packages, 1)]
    return answer(request, {"status": "ok", "solve": packages, "data": packages, "message": None})


def _package(item: SolvedPackage, place: int) -> Data:
    return {
        "id": place,
        "name": item.name,
        "version": item.version,
        "build": item.build,
        "build_number": item.build_number,
        "channel_id": item.channel,
        "channel": {"id": place, "name": item.channel, "last_update": None},
        "subdir": item.subdir,
        "size": item.size_bytes,
        "sha256": item.sha256,
        "md5": item.md5,
        "license": item.license or None,
        "url": item.url,
        "depends": list(item.depends),
    }
