"""What happens, as server-sent events: the catalog's journal, from where one left off."""

import json
import re
from functools import partial
from typing import Annotated

import trio
from fastapi import APIRouter, Query, Request
from starlette.responses import Response

from condafs.errors import UserError
from condafs.web.api.envelope import REFUSALS
from condafs.web.api.shapes import event_document
from condafs.web.house import House, HouseOf, ViewerOf
from condafs.web.server_sent import HEADERS, KEEP_ALIVE_SECONDS, comment, event
from condafs.web.streaming import StreamResponse, Write

router = APIRouter(prefix="/api/v1", tags=["events"], responses=REFUSALS)

AT_ONCE = 500
"""Events that one look at the catalog takes."""


@router.get("/events/", summary="What happens, as it happens (server-sent events)")
async def events(
    request: Request,
    house: HouseOf,
    _: ViewerOf,
    after: Annotated[int | None, Query(ge=0, le=1 << 62, description="Number of the last event that is known")] = None,
) -> Response:
    """The kind of each is its event type, its data JSON, its id its number. Without `after`: from now on."""
    house.streams.require_room()
    given = request.headers.get("last-event-id") or None  # an empty one is none (WHATWG HTML, 9.2.4)
    if given is not None and not re.fullmatch(r"\d{1,18}", given):
        msg = "last-event-id is the number of an event"
        raise UserError(msg)
    with house.catalog.snapshot() as snapshot:
        last = int(given) if given is not None else after if after is not None else snapshot.last_event()
    return StreamResponse(partial(_follow, house, last), headers=HEADERS)


async def _follow(house: House, last: int, write: Write) -> None:
    async with house.streams.one():
        with house.follower.watching() as bell:
            await write(comment())
            while True:
                next_news = bell.event  # before looking
                found = _after(house, last)
                if found:
                    last = int(found[-1][0])
                    await write(b"".join(text for _, text in found))
                if len(found) < AT_ONCE:
                    with trio.move_on_after(KEEP_ALIVE_SECONDS) as scope:
                        await next_news.wait()
                    if scope.cancelled_caught:
                        await write(comment())


def _after(house: House, last: int) -> list[tuple[int, bytes]]:
    found = []
    with house.catalog.snapshot() as snapshot:
        for record, _ in zip(snapshot.events(last), range(AT_ONCE), strict=False):
            document = json.dumps(event_document(record), ensure_ascii=False)
            found.append((record.number, event(record.kind.value, document, str(record.number))))
    return found
