"""Laws of partial answers: what is sent is what slicing gives; what is not understood is answered with the whole."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condafs.web.ranges import Part, choose, is_known

ETAG = '"abc"'

contents = st.binary(max_size=40)
offsets = st.integers(0, 50)


def sent(content: bytes, header: str) -> tuple[int, bytes]:
    part = choose({"range": header}, len(content), ETAG)
    return part.status, content[part.offset : part.offset + part.size_bytes]


@given(contents, offsets, offsets)
def test_a_range_is_a_slice(content: bytes, first: int, last: int) -> None:
    status, answer = sent(content, f"bytes={first}-{last}")
    if last < first:
        assert (status, answer) == (200, content), "no range at all"
    elif first >= len(content):
        assert (status, answer) == (416, b"")
    else:
        assert (status, answer) == (206, content[first : last + 1])


@given(contents, offsets)
def test_a_range_without_an_end_is_the_rest(content: bytes, first: int) -> None:
    expected = (206, content[first:]) if first < len(content) else (416, b"")
    assert sent(content, f"bytes={first}-") == expected


@given(contents, offsets)
def test_a_range_without_a_beginning_is_the_end(content: bytes, length: int) -> None:
    expected = (206, content[-length:]) if length and content else (416, b"")
    assert sent(content, f"bytes=-{length}") == expected


@given(contents, offsets, offsets)
def test_the_headers_of_a_part_say_where_it_is(content: bytes, first: int, last: int) -> None:
    part = choose({"range": f"bytes={first}-{last}"}, len(content), ETAG)
    headers = part.headers(len(content))
    if part.status == 206:
        shown = headers["content-range"].removeprefix("bytes ")
        begin, _, rest = shown.partition("-")
        end, _, total = rest.partition("/")
        assert content[int(begin) : int(end) + 1] == content[part.offset : part.offset + part.size_bytes]
        assert int(total) == len(content)
    assert int(headers["content-length"]) == part.size_bytes


@pytest.mark.parametrize(
    "header",
    ["", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=1-2,4-5", "lines=1-2", "bytes=--1", "bytes=1-2-3", "=1-2"],
)
def test_what_is_no_single_range_of_bytes_is_answered_with_the_whole(header: str) -> None:
    assert choose({"range": header}, 10, ETAG) == Part(200, 0, 10)


@given(st.text())
def test_no_header_does_harm(header: str) -> None:
    part = choose({"range": header, "if-range": header}, 10, ETAG)
    assert part.status in {200, 206, 416}
    assert 0 <= part.offset <= part.offset + part.size_bytes <= 10


@pytest.mark.parametrize("header", ["bytes=2-3", "BYTES = 2 - 3", " bytes=2-3 "])
def test_blanks_and_capitals_do_not_count(header: str) -> None:
    assert choose({"range": header}, 10, ETAG) == Part(206, 2, 2)


@pytest.mark.parametrize(
    ("condition", "status"),
    [(ETAG, 206), ('W/"abc"', 200), ('"other"', 200), ("", 200), ("Wed, 21 Oct 2015 07:28:00 GMT", 200)],
)
def test_a_part_of_another_version_is_not_sent(condition: str, status: int) -> None:
    assert choose({"range": "bytes=2-3", "if-range": condition}, 10, ETAG).status == status


@pytest.mark.parametrize("given_tags", [ETAG, "*", f'"x", {ETAG}', f"W/{ETAG}", f' "x" ,W/{ETAG} '])
def test_what_is_known_is_not_sent(given_tags: str) -> None:
    part = choose({"range": "bytes=2-3", "if-none-match": given_tags}, 10, ETAG)
    assert (part.status, part.has_body, part.headers(10)) == (304, False, {})


@pytest.mark.parametrize("given_tags", ["", '"x"', "abc", '"ab"'])
def test_what_is_not_known_is_sent(given_tags: str) -> None:
    assert not is_known({"if-none-match": given_tags}, ETAG)


def test_ranges_are_for_get_alone() -> None:
    assert choose({"range": "bytes=2-3"}, 10, ETAG, "HEAD") == Part(200, 0, 10)
    assert choose({"range": "bytes=20-"}, 10, ETAG, "HEAD") == Part(200, 0, 10)


def test_an_answer_that_has_no_such_part_says_how_much_there_is() -> None:
    assert choose({"range": "bytes=10-"}, 10, ETAG).headers(10) == {
        "content-range": "bytes */10",
        "content-length": "0",
    }
