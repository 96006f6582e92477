"""`/new` and `/environment/<name>/edit`: a specification is written, checked, submitted. What was typed stays."""

import re
from dataclasses import dataclass, replace
from typing import Annotated, Any

import trio
from fastapi import APIRouter, Query, Request
from starlette.responses import JSONResponse, Response

from condafs.client.submission import build_of
from condafs.errors import CondafsError, NotFoundError, SpecificationError
from condafs.names import EnvironmentName, spec_file_stem
from condafs.web.access.roles import Role
from condafs.web.api.specifications import SpecificationText, file_name_of
from condafs.web.errors import TooLargeError, status_of
from condafs.web.house import EditorOf, House, HouseOf
from condafs.web.page.actions import page_of
from condafs.web.page.forms import read_form
from condafs.web.page.source import MAX_BYTES, refused_text, require_whole, source_of
from condafs.web.page.view import SAFETY, SHOWN, View, ViewOf
from condafs.web.submitting import Submitted, check, submit

router = APIRouter(include_in_schema=False)

TEMPLATE = """\
name: my-environment
dependencies:
  - python
"""

_LOCK = re.compile(r"^\s*@EXPLICIT\s*$|\A\s*version:\s*\d", re.MULTILINE)
"""An `@EXPLICIT` list, or the first key of rattler's lock."""


@dataclass(frozen=True, slots=True)
class Draft:
    """What is being written.

    Attributes:
        name: Of the environment whose specification is edited; "" for a new one.
        typed_name: For a text that gives no name.
        file_name: How the text is called in refusals.
        is_written: Whether somebody wrote the text so.
    """

    text: str
    name: str = ""
    typed_name: str = ""
    file_name: str = "environment.yaml"
    is_written: bool = True

    def read_as(self) -> str:
        """The file name that the text is read under.

        Raises:
            CondafsError: It is too long, or has no name that can be one.
        """
        if len(self.text.encode("utf-8", "replace")) > MAX_BYTES:
            msg = f"a specification has at most {MAX_BYTES >> 20} MiB"
            raise TooLargeError(msg)
        if self.name:
            return self.file_name
        name = self.typed_name.strip()[:300]
        is_lock = bool(_LOCK.search(self.text))
        wanted = SpecificationText(
            specification=self.text, environment_name=name, environment_description="", is_lockfile=is_lock
        )
        return file_name_of(wanted)


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a text is refused.

    Attributes:
        shown: Several lines, with a caret where a place is known.
        line, column: From 1; 0: no place.
    """

    shown: str
    line: int = 0
    column: int = 0


def problem_of(error: CondafsError, file_name: str) -> Problem:
    """What is said about an error."""
    if not isinstance(error, SpecificationError):
        return Problem(str(error).rstrip())
    place = error.position
    shown = error.render(file_name).rstrip()
    return Problem(shown, place.line, place.column) if place else Problem(shown)


async def _show(view: View, draft: Draft, problem: Problem | None = None, status: int = 200) -> Response:
    return await view.show("editor.html", status, draft=draft, problem=problem, lines=draft.text.count("\n") + 1)


@router.api_route("/new", methods=SHOWN)
async def new(view: ViewOf, _: EditorOf, refused: Annotated[str, Query(max_length=300)] = "") -> Response:
    """An empty editor, almost; or one with a file that is refused."""
    text = await refused_text(view.house, refused) if refused else None
    if text is None:
        return await _show(view, Draft(TEMPLATE))
    return await _show_checked(view, Draft(text, typed_name=spec_file_stem(refused), file_name=refused))


@router.api_route("/environment/{name}/edit", methods=SHOWN)
async def edit(view: ViewOf, _: EditorOf, name: str) -> Response:
    """The editor with what the environment wants now, or with what was refused last."""
    return await _show_checked(view, await _draft_of(view.house, EnvironmentName(name)))


async def _show_checked(view: View, draft: Draft) -> Response:
    """The editor, with what is wrong already."""
    try:
        await trio.to_thread.run_sync(check, draft.text.encode("utf-8", "replace"), draft.file_name)
    except SpecificationError as error:
        return await _show(view, draft, problem_of(error, draft.file_name))
    return await _show(view, draft)


async def _draft_of(house: House, name: EnvironmentName) -> Draft:
    with house.catalog.snapshot() as snapshot:
        record = snapshot.environment(name)
    if record is None:
        msg = f"there is no environment {name}"
        raise NotFoundError(msg)
    source = await source_of(house, record, with_refused=True)
    return Draft(source.text, name.text, "", source.file_name, source.is_written)


@router.post("/new")
async def submit_new(request: Request, view: ViewOf) -> Response:
    """Submit it."""
    form = await read_form(request)
    text = form.get("specification", "").replace("\r\n", "\n")  # forms end lines so (WHATWG HTML, 4.10.21.7)
    return await _submit(view, Draft(text, typed_name=form.get("name", "")))


@router.post("/environment/{name}/edit")
async def submit_edited(request: Request, view: ViewOf, name: str) -> Response:
    """Submit it as the specification of that environment, or of the one that it names."""
    form = await read_form(request)
    draft = await _draft_of(view.house, EnvironmentName(name))
    return await _submit(view, replace(draft, text=form.get("specification", "").replace("\r\n", "\n")))


async def _submit(view: View, draft: Draft) -> Response:
    """Whatever goes wrong, the text is shown again: a session that has ended meanwhile, too."""
    try:
        view.visitor.require(Role.EDITOR)
        submitted = await _take(view, draft)
    except CondafsError as error:
        return await _show(view, draft, problem_of(error, draft.file_name), status_of(error))
    return page_of(submitted.build.name, "submitted")


async def _take(view: View, draft: Draft) -> Submitted:
    require_whole(draft.text)
    content = draft.text.encode("utf-8", "replace")
    return await view.house.mount.ask(submit, content, draft.read_as(), view.visitor.name)


@router.post("/check")
async def check_text(request: Request, house: HouseOf, _: EditorOf) -> Response:
    """For the script, while one types: what the text describes, or why not. Nothing is written."""
    form = await read_form(request)
    draft = Draft(form.get("specification", ""), typed_name=form.get("name", ""))
    if form.get("environment"):
        draft = await _draft_of(house, EnvironmentName(form["environment"]))
        draft = replace(draft, text=form.get("specification", ""))
    try:
        require_whole(draft.text)
        file_name = draft.read_as()
        specification = await trio.to_thread.run_sync(check, draft.text.encode("utf-8", "replace"), file_name)
    except CondafsError as error:
        problem = problem_of(error, draft.file_name)
        return _answer({"problem": problem.shown, "line": problem.line, "column": problem.column})
    build = build_of(specification)
    with house.catalog.snapshot() as snapshot:
        known = snapshot.build(build.digest)
    return _answer({"name": build.name.text, "digest": build.digest.hex, "state": known.state.value if known else ""})


def _answer(document: dict[str, Any]) -> Response:
    return JSONResponse(document, headers={**SAFETY, "cache-control": "no-store"})
