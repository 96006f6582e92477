"""`/disk`: what environments take, apparent against unique bytes."""

from typing import Annotated

import trio
from fastapi import APIRouter, Query
from starlette.responses import Response

from condafs.web.house import House
from condafs.web.page.disk_use import Order, Plot
from condafs.web.page.view import SHOWN, ViewOf

router = APIRouter(include_in_schema=False)


def _look(house: House, by: Order) -> Plot:
    with house.catalog.snapshot() as snapshot:
        return house.pages.disk.plot(snapshot, by)


@router.api_route("/disk", methods=SHOWN)
async def disk(view: ViewOf, by: Annotated[Order, Query()] = "apparent") -> Response:
    """The largest first."""
    plot = await trio.to_thread.run_sync(_look, view.house, by)
    return await view.show("disk.html", plot=plot, by=by)
