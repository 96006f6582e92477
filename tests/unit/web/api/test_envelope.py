"""Answers and their entity tags."""

import json

from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from condafs.web.api.envelope import answer, ok


def request(method: str = "GET", **headers: str) -> Request:
    raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "method": method, "path": "/", "query_string": b"", "headers": raw})


def test_what_the_client_has_already_is_not_sent_again() -> None:
    first = ok(request(), {"a": 1})
    again = ok(request(if_none_match=first.headers["etag"]), {"a": 1})
    assert (again.status_code, again.body) == (304, b"")
    assert again.headers["etag"] == first.headers["etag"]


def test_other_content_has_another_tag() -> None:
    first = ok(request(), {"a": 1})
    other = ok(request(if_none_match=first.headers["etag"]), {"a": 2})
    assert other.status_code == 200
    assert other.headers["etag"] != first.headers["etag"]


def test_changes_are_answered_whatever_the_client_has() -> None:
    found = ok(request("PUT", if_none_match="*"), None, "done")
    assert json.loads(bytes(found.body)) == {"status": "ok", "data": None, "message": "done"}
    assert "etag" not in found.headers


@given(st.text(st.characters()))
def test_any_text_can_be_sent(text: str) -> None:
    content = json.loads(bytes(answer(request(), {"text": text}).body))
    assert content["text"] == text.encode("utf-8", "replace").decode()
