"""`exclude-newer`: days, moments, and what is neither."""

import pytest

from tests.unit.spec.asked import assert_refused, read, refusal


@pytest.mark.parametrize(
    ("text", "place", "message", "hint"),
    [
        (
            "dependencies: []\nexclude-newer: today\n",
            "2:16",
            "'today' is another day tomorrow",
            "`condafs update NAME` writes the day of today; a specification means the same whenever it is read",
        ),
        (
            "dependencies: []\nexclude-newer: 7d\n",
            "2:16",
            "'7d' is neither a day nor a moment",
            "as in 2026-11-01 or 2026-11-01T12:00:00Z",
        ),
        (
            "dependencies: []\nexclude-newer: 2026-02-30\n",
            "2:16",
            "there is no '2026-02-30' in the calendar",
            "as in 2026-11-01",
        ),
        ("dependencies: []\nexclude-newer:\n", "2:15", "'exclude-newer' is empty", "write it, or remove the line"),
    ],
)
def test_what_is_no_date_is_refused(text: str, place: str, message: str, hint: str | None) -> None:
    assert_refused(text, place, message, hint)


@pytest.mark.parametrize(
    ("text", "spelled"),
    [
        ("2026-11-01", "2026-11-01"),
        ("'2026-11-01'", "2026-11-01"),
        ("2026-11-01T12:00:00Z", "2026-11-01T12:00:00Z"),
        ("2026-11-01 12:00:00", "2026-11-01T12:00:00Z"),
        ("2026-11-01t12:00:00.5z", "2026-11-01T12:00:00Z"),
        ("2026-11-01T12:00:00+02:00", "2026-11-01T10:00:00Z"),
        ("2026-11-01 00:30:00 +0100", "2026-10-31T23:30:00Z"),
        ("0900-01-01T00:00:00Z", "0900-01-01T00:00:00Z"),
    ],
)
def test_a_moment_has_one_spelling(text: str, spelled: str) -> None:
    assert read(f"dependencies: []\nexclude-newer: {text}\n").exclude_newer == spelled


@pytest.mark.parametrize("text", ["2026-11-01T25:00:00Z", "2026-13-01", "0001-01-01T00:00:00+10:00"])
def test_moments_that_no_calendar_has_are_refused(text: str) -> None:
    assert refusal(f"dependencies: []\nexclude-newer: {text}\n").message.startswith("there is no ")
