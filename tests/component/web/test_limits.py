"""What a request may cost, around an application that takes whatever is let through."""

import trio
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import Receive, Scope, Send
from trio.testing import MockClock

from condafs.web.limits import Limits
from tests.component.web.asgi import exchange


class Echo:
    """Answers with what it got; counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked += 1
        request = Request(scope, receive)
        body = (await request.body()).decode()
        answer = {"path": scope["path"], "query": scope["query_string"].decode(), "body": body}
        await JSONResponse(answer)(scope, receive, send)


def part(content: bytes, *, more: bool = True) -> dict[str, object]:
    return {"type": "http.request", "body": content, "more_body": more}


async def test_a_body_that_fits_comes_through_whole() -> None:
    app = Limits(Echo(), max_body_bytes=10)
    whole = await exchange("POST", body=b"x" * 10).run(app)
    assert whole.document["body"] == "x" * 10
    chunks = [part(b"xxx"), part(b""), part(b"yyy"), part(b"zzzz", more=False)]
    chunked = await exchange("POST", incoming=chunks).run(app)
    assert chunked.document["body"] == "xxxyyyzzzz"


async def test_a_long_body_is_refused_before_it_comes() -> None:
    echo = Echo()
    found = await exchange("POST", body=b"x" * 11).run(Limits(echo, max_body_bytes=10))
    assert (found.status, found.document["status"], echo.asked) == (413, "error", 0)
    assert found.headers["connection"] == "close"
    assert len(found.incoming) == 1, "not read"


async def test_a_length_that_is_none_is_refused() -> None:
    for length in ("-1", "1e3", "", " ", "9" * 5000, "+5", "0x5", "²"):
        found = await exchange("POST", headers={"content-length": length}).run(Limits(Echo(), max_body_bytes=10))
        assert found.status == 413, length


async def test_a_long_body_of_unknown_length_is_refused_as_soon_as_it_is_too_long() -> None:
    echo = Echo()
    found = exchange("POST", incoming=[part(b"x" * 4) for _ in range(1000)])
    await found.run(Limits(echo, max_body_bytes=10))
    assert (found.status, echo.asked) == (413, 0)
    assert len(found.incoming) == 997, "three parts are too many"


async def test_a_body_that_does_not_come_in_time_is_refused(autojump_clock: MockClock) -> None:
    echo, begin = Echo(), trio.current_time()
    found = await exchange("POST", incoming=[part(b"x")]).run(Limits(echo, body_seconds=30))
    assert (found.status, echo.asked) == (408, 0)
    assert trio.current_time() - begin == 30


async def test_drops_of_a_body_do_not_make_more_time(autojump_clock: MockClock) -> None:
    found = exchange("POST", incoming=[])

    async def drip() -> dict[str, object]:
        await trio.sleep(10)
        return part(b"x")

    found.receive = drip  # type: ignore[method-assign]
    begin = trio.current_time()
    await found.run(Limits(Echo(), body_seconds=30))
    assert found.status == 408
    assert trio.current_time() - begin == 30


async def test_who_goes_while_sending_is_not_answered() -> None:
    echo, found = Echo(), exchange("POST", incoming=[part(b"x"), {"type": "http.disconnect"}])
    await found.run(Limits(echo))
    assert (found.sent, echo.asked) == ([], 0)


async def test_the_application_hears_when_the_client_goes_later() -> None:
    heard = []

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        heard.extend([(await receive())["type"], (await receive())["type"]])

    found = exchange()
    found.gone.set()
    await found.run(Limits(app))
    assert heard == ["http.request", "http.disconnect"]


async def test_slashes_at_the_end_are_the_same_in_the_api_and_nowhere_else() -> None:
    app = Limits(Echo())
    expected = {
        "/api/v1/build": ("/api/v1/build/", ""),
        "/api/v1/build/": ("/api/v1/build/", ""),
        "/api/v1/build?page=2/": ("/api/v1/build/", "page=2"),
        "/api/v1/build/?page=2": ("/api/v1/build/", "page=2"),
        "/api/v1/é": ("/api/v1/é/", ""),
        "/v2": ("/v2", ""),
        "/v2/x?a=b/": ("/v2/x", "a=b/"),
        "/apis": ("/apis", ""),
        "/": ("/", ""),
    }
    for target, (path, query) in expected.items():
        document = (await exchange(target=target).run(app)).document
        assert (document["path"], document["query"]) == (path, query)


async def test_what_is_no_request_goes_through_untouched() -> None:
    seen = []

    async def app(scope: Scope, _receive: Receive, _send: Send) -> None:
        await trio.lowlevel.checkpoint()
        seen.append(scope["type"])

    found = exchange()
    found.scope["type"] = "websocket"
    await found.run(Limits(app))
    assert seen == ["websocket"]
