"""Logs cut into events: in whichever pieces a log is read, followers see the same lines."""

from hypothesis import given
from hypothesis import strategies as st

from condafs.web.api.logs import MAX_LINE, _Lines
from tests.unit.web.test_server_sent import parse

contents = st.text("aé\r\n", max_size=60).map(str.encode)


def cut(content: bytes, places: list[int], begin: int = 0) -> list[tuple[str, str, str]]:
    lines, stream, at = _Lines(begin), b"", begin
    for place in [*sorted(place for place in places if place > begin), len(content)]:
        stream += lines.take(content[at:place])
        at = max(at, place)
    return parse(stream + lines.rest())


def text_of(events: list[tuple[str, str, str]]) -> list[str]:
    return [line for _, data, _ in events for line in data.split("\n")]


@given(contents, st.lists(st.integers(0, 60), max_size=5))
def test_lines_are_the_same_in_whichever_pieces_they_come(content: bytes, places: list[int]) -> None:
    whole = content.decode()
    inside = [place for place in places if place <= len(content)]
    expected = whole.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n") if whole else []
    found = text_of(cut(content, inside))
    if whole.endswith("\n\n") or whole == "\n" or "\r" in whole:
        assert "".join(found) == "".join(expected)
    else:
        assert found == expected


@given(contents, st.lists(st.integers(0, 60), min_size=1, max_size=5), st.data())
def test_who_goes_on_after_an_event_misses_nothing_and_sees_nothing_twice(
    content: bytes, places: list[int], data: st.DataObject
) -> None:
    events = cut(content, [place for place in places if place <= len(content)])
    if not events:
        return
    seen = data.draw(st.integers(1, len(events)))
    offset = int(events[seen - 1][2])
    rest = cut(content, [], offset)
    assert "".join(text_of(events[:seen]) + text_of(rest)) == "".join(text_of(events))


def test_a_line_without_an_end_is_shown_in_pieces() -> None:
    lines = _Lines(0)
    assert lines.take(b"x" * MAX_LINE) == b""
    [(_, text, offset)] = parse(lines.take(b"x"))
    assert (len(text), offset) == (MAX_LINE + 1, str(MAX_LINE + 1))
    assert lines.rest() == b""


def test_bytes_that_are_no_text_are_shown_as_such() -> None:
    assert parse(_Lines(0).take(b"a\xff\0\n")) == [("log", "a\ufffd\0", "4")]
