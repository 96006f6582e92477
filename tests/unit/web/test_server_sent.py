"""Server-sent events, read back by a parser written after WHATWG HTML 9.2.6."""

import re

from hypothesis import given
from hypothesis import strategies as st

from condafs.web.server_sent import comment, event

Event = tuple[str, str, str]


def parse(stream: bytes) -> list[Event]:
    """(type, data, last id) of each event."""
    found: list[Event] = []
    kind, data, identity = "", [""], ""
    data.clear()
    for line in re.split("\r\n|\n|\r", stream.decode()):
        field, _, value = line.partition(":")
        value = value.removeprefix(" ")
        if not line:
            if data:
                found.append((kind or "message", "\n".join(data), identity))
            kind = ""
            data.clear()
        elif field == "event":
            kind = value
        elif field == "data":
            data.append(value)
        elif field == "id":
            identity = value
    return found


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_a_text_arrives_as_it_is_but_for_what_ends_its_lines(text: str) -> None:
    expected = text.replace("\r\n", "\n").replace("\r", "\n")
    assert parse(event("log", text, "7")) == [("log", expected, "7")]


def test_no_text_makes_fields_of_its_own() -> None:
    text = "a\nevent: end\rid: 9\r\ndata: b\n\nevent: end\ndata: {}"
    assert parse(event("log", text, "1")) == [("log", text.replace("\r\n", "\n").replace("\r", "\n"), "1")]


def test_an_event_without_a_number_leaves_the_last_one() -> None:
    assert parse(event("log", "a", "5") + event("progress", "{}")) == [("log", "a", "5"), ("progress", "{}", "5")]


def test_nothing_said_is_no_event() -> None:
    assert parse(comment() + event("log", "a") + comment()) == [("log", "a", "")]
