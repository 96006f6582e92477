"""Which reader is asked, encodings, and what none can read."""

import pytest

from tests.unit.spec.asked import assert_refused, read, read_any, refusal


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        (
            "dependencies:\n\xa0\xa0- numpy\n",
            "2:1",
            "the indentation has the character U+00A0",
            "replace it by ordinary blanks",
        ),
        (
            "name: a\n<<<<<<< HEAD\ndependencies: []\n=======\ndependencies: [a]\n>>>>>>> b\n",
            "2:1",
            "a merge conflict",
            "resolve the conflict: keep one side and remove the lines of <, = and >",
        ),
        (
            "# platform: linux-64\n@EXPLICIT\nhttps://x.org/a/linux-64/b-1-0.conda\n",
            "2:1",
            "an @EXPLICIT list",
            "give the file a name that ends in .txt",
        ),
    ],
)
def test_a_text_that_yaml_would_misread_is_refused(text: str, place: str, message: str, hint: str | None) -> None:
    assert_refused(text, place, message, hint)


TEXT = "name: é\ndependencies:\n  - numpy=1.2\nvariables: {A: 'b  c'}\n"


@pytest.mark.parametrize(
    "content",
    [
        TEXT.encode("utf-8-sig"),
        TEXT.encode("utf-16"),
        TEXT.encode("utf-16-le"),
        TEXT.encode("utf-16-be"),
        b"\xfe\xff" + TEXT.encode("utf-16-be"),
        TEXT.replace("\n", "\r\n").encode(),
        TEXT.replace("\n", "\r\n").encode("utf-16"),
        TEXT.replace("\n", "\r").encode(),
    ],
)
def test_encodings_and_line_ends_do_not_count(content: bytes) -> None:
    assert read(content) == read(TEXT)


def test_a_note_is_no_specification_whatever_is_in_it() -> None:
    for content in (b"", b"hello\n", b"\xff\xfe\x00", b"x" * 3_000_000, b"see @EXPLICIT lists\n"):
        assert read_any(content, "foo.txt") is None


@pytest.mark.parametrize("file_name", ["foo.yaml", "foo.lock", "foo.txt"])
def test_a_blank_file_is_no_specification(file_name: str) -> None:
    assert read_any(b" \n\n", file_name) is None


def test_an_explicit_list_may_be_called_a_lock() -> None:
    text = "@EXPLICIT\nhttps://host.org/a/noarch/b-1-0.conda\n"
    assert read(text, "foo.lock") == read(text, "foo.txt")


def test_an_explicit_list_in_utf_16_is_read() -> None:
    text = "@EXPLICIT\r\nhttps://host.org/a/noarch/b-1-0.conda\r\n"
    assert read(text.encode("utf-16"), "foo.txt") == read(text, "foo.txt")


def test_a_file_of_more_than_a_megabyte_is_refused() -> None:
    error = refusal(b"#" * ((1 << 20) + 1))
    assert error.message == "the file has more than 1,048,576 bytes (1 MiB), the most that a specification can have"


def test_a_byte_that_is_not_utf_8_is_shown() -> None:
    error = refusal("dependencies:\n  - ça".encode("latin-1"))
    assert error.render("foo.yaml").splitlines() == [
        "foo.yaml:2:5: the byte 0xe7 is not UTF-8",
        "    2 |   - \ufffda",
        "      |     ^",
        "help: save the file as UTF-8 (it may be Latin-1 now)",
    ]


def test_a_broken_utf_16_file_is_refused() -> None:
    assert refusal(b"\xff\xfea\x00\x00\xd8").message == "the file begins as UTF-16, but is not"


def test_a_control_character_is_named_and_not_shown() -> None:
    assert refusal("name: a\x1b[31mb\n").render("foo.yaml").splitlines() == [
        "foo.yaml:1:8: the character U+001B cannot stand in a text file",
        "    1 | name: a\ufffd[31mb",
        "      |        ^",
        "help: is it a text file? Remove the character",
    ]


def test_a_line_without_end_is_shown_in_part() -> None:
    rendered = refusal("name: " + "n/" * 5000).render("foo.yaml")
    assert len(rendered) < 1000
