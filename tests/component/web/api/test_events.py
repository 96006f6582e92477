"""Server-sent events over the application: what happens, and logs as they grow."""

import json
from collections.abc import Callable

import pytest
import trio

from condafs.names import BuildName
from tests.component.web.asgi import Exchange
from tests.component.web.laid import Laid
from tests.component.web.served import Served
from tests.unit.web.test_server_sent import Event, parse


def events_of(found: Exchange) -> list[Event]:
    return parse(b"".join(message.get("body", b"") for message in found.sent[1:]))


async def listen(
    served: Served,
    target: str,
    is_enough: Callable[[list[Event]], bool],
    act: Callable[[], object] = int,
    **headers: str,
) -> list[Event]:
    """Listen until that was heard, then go; `act` happens once the answer has begun."""
    request = served.request("GET", target, headers={name.replace("_", "-"): value for name, value in headers.items()})
    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(request.run, served.app)
            await request.arrived.wait()
            act()
            while not is_enough(events_of(request)):
                request.arrived = trio.Event()
                await request.arrived.wait()
            request.gone.set()
    assert request.headers["content-type"] == "text/event-stream; charset=utf-8"
    assert served.house.streams.open == 0
    return events_of(request)


def are(count: int) -> Callable[[list[Event]], bool]:
    return lambda found: len(found) >= count


async def test_what_happens_from_now_on_is_told(served: Served, laid: Laid) -> None:
    laid.submit("before")
    [(kind, data, number)] = await listen(served, "/api/v1/events/", are(1), lambda: laid.submit("foo"))
    document = json.loads(data)
    assert (kind, document["kind"], document["name"], document["behalf"]) == ("submitted", "submitted", "foo", "ann")
    assert number == str(document["number"]) == "2"


async def test_who_comes_back_goes_on_where_they_left_off(served: Served, laid: Laid) -> None:
    laid.make_ready("foo")
    whole = await listen(served, "/api/v1/events/?after=0", are(4))
    assert [kind for kind, _, _ in whole] == ["submitted", "started", "published", "moved"]
    assert await listen(served, "/api/v1/events", are(2), last_event_id="2") == whole[2:]
    assert await listen(served, "/api/v1/events/?after=0", are(1), last_event_id="3") == whole[3:]
    assert await listen(served, "/api/v1/events/?after=1", are(3), last_event_id="") == whole[1:]


async def test_a_number_that_is_none_is_refused(served: Served) -> None:
    for number in ("x", "-1", "1.5", "9" * 30):
        found = await served.get("/api/v1/events/", last_event_id=number)
        assert (found.status, found.document["message"]) == (400, "last-event-id is the number of an event")


async def test_more_events_than_one_look_takes_are_all_told(served: Served, laid: Laid) -> None:
    for number in range(10):
        laid.make_ready(f"e{number}", f"dependencies: ['a={number}']\n")
    expected = [str(number) for number in range(1, 41)]
    found = await listen(served, "/api/v1/events/?after=0", are(40))
    assert [number for _, _, number in found] == expected


async def test_no_more_listeners_are_let_in_than_there_is_room_for(served: Served, laid: Laid) -> None:
    build = laid.submit("foo")
    served.house.streams._most = 0
    for target in ("/api/v1/events/", f"/api/v1/build/{build.digest}/logs/?follow=1"):
        assert (await served.get(target)).status == 503


def log_of(events: list[Event]) -> str:
    return "\n".join(data for kind, data, _ in events if kind == "log")


def logs(build: BuildName, query: str = "?follow=1") -> str:
    return f"/api/v1/build/{build.digest}/logs/{query}"


async def test_a_log_is_followed_to_its_end(served: Served, laid: Laid) -> None:
    build = laid.submit("foo")

    def go_on() -> None:
        laid.log(build, b"event: end\ndata: {}\n\n")
        laid.publish(build)

    found = await listen(served, logs(build), lambda events: events[-1:][0][0] == "end" if events else False, go_on)
    assert log_of(found) == "queued\nevent: end\ndata: {}\n\nsealed"
    assert json.loads(found[-1][1]) == {"state": "ready", "generation": 1, "failure": ""}


async def test_a_log_that_ended_is_told_whole_and_the_answer_ends(served: Served, laid: Laid) -> None:
    build = laid.make_ready("foo")
    found = await served.get(logs(build))
    assert found.is_whole
    assert log_of(events_of(found)) == "queued\nsealed"
    rest = await served.get(logs(build), last_event_id="7")
    assert log_of(events_of(rest)) == "sealed"
    nothing = await served.get(logs(build), last_event_id="14")
    assert [kind for kind, _, _ in events_of(nothing)] == ["end"]


@pytest.mark.parametrize("number", ["x", "-1", "9" * 40, ""])
async def test_a_log_is_told_from_its_beginning_to_who_asks_for_no_place_in_it(
    served: Served, laid: Laid, number: str
) -> None:
    build = laid.make_ready("foo")
    assert log_of(events_of(await served.get(logs(build), last_event_id=number))) == "queued\nsealed"


async def test_a_log_can_be_had_as_it_is(served: Served, laid: Laid) -> None:
    build = laid.make_ready("foo")
    laid.log(build, b"\xff<script>\n" * 200_000)
    found = await served.get(logs(build, ""))
    assert found.body == (laid.mount / f".logs/{build}.log").read_bytes()
    assert found.headers["content-type"] == "text/plain; charset=utf-8"
    assert found.headers["x-content-type-options"] == "nosniff"


async def test_a_mount_that_fails_is_told_before_a_log_begins(served: Served, laid: Laid) -> None:
    build = laid.make_ready("foo")
    place = laid.mount / f".logs/{build}.log"
    place.unlink()
    place.mkdir()
    found = await served.get(logs(build, ""))
    assert found.status == 503
    assert "Is a directory" in found.document["message"]
