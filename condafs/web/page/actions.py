"""The buttons of an environment's page: each a POST that does one thing in the mount and leads back."""

from fastapi import APIRouter, Request
from starlette.responses import Response

from condafs.catalog.records import BuildState
from condafs.client.steering import cancel, retire, roll_back, try_again
from condafs.errors import ForbiddenError, NotFoundError
from condafs.names import EnvironmentName
from condafs.web.house import EditorOf, HouseOf
from condafs.web.ids import find_build
from condafs.web.page.forms import read_form
from condafs.web.page.view import redirect

router = APIRouter(prefix="/environment/{name}", include_in_schema=False)

DONE = {
    "submitted": "Submitted.",
    "rolled-back": "The name leads there now, until a specification is written again.",
    "cancelled": "The build is cancelled.",
    "trying": "It is tried again.",
    "retired": "Retired: the name leads nowhere. Its builds are still there.",
}
"""What pages say after something was done."""


def page_of(name: EnvironmentName, done: str) -> Response:
    """Back to the environment, which says what was done."""
    return redirect(f"/environment/{name}?done={done}")


@router.post("/roll-back")
async def roll_back_to(request: Request, house: HouseOf, visitor: EditorOf, name: str) -> Response:
    """Let the name lead to another published build (field `build`)."""
    wanted = EnvironmentName(name)
    form = await read_form(request)
    with house.catalog.snapshot() as snapshot:
        record = find_build(snapshot, form.get("build", ""))
    if record.name != wanted:
        msg = f"{record.build} is a build of another environment than {wanted}"
        raise NotFoundError(msg)
    if record.state is not BuildState.READY:
        msg = f"{record.build} is {record.state}: only a published build can be current"
        raise ForbiddenError(msg)
    await house.mount.ask(roll_back, record.build, visitor.name)
    return page_of(wanted, "rolled-back")


@router.post("/cancel")
async def cancel_build(house: HouseOf, _: EditorOf, name: str) -> Response:
    """End the build in the making."""
    wanted = EnvironmentName(name)
    try:
        await house.mount.ask(cancel, wanted.text)
    except NotFoundError as error:  # it ended just now
        raise ForbiddenError(str(error)) from None
    return page_of(wanted, "cancelled")


@router.post("/try-again")
async def try_build_again(house: HouseOf, _: EditorOf, name: str) -> Response:
    """Try what failed, was cancelled or waits."""
    wanted = EnvironmentName(name)
    await house.mount.ask(try_again, wanted.text)
    return page_of(wanted, "trying")


@router.post("/retire")
async def retire_environment(house: HouseOf, visitor: EditorOf, name: str) -> Response:
    """Remove the specification."""
    wanted = EnvironmentName(name)
    await house.mount.ask(retire, wanted.text, visitor.name)
    return page_of(wanted, "retired")
