import pytest

from condafs.wording import parse_time, seconds_text, size_text, time_text


@pytest.mark.parametrize(
    ("size_bytes", "text"),
    [
        (None, ""), (0, "0 B"), (999, "999 B"), (1000, "1.0 kB"), (9_940, "9.9 kB"), (9_960, "10 kB"),
        (999_499, "999 kB"), (999_500, "1.0 MB"), (1_270_000_000, "1.3 GB"), (-30_000, "-30 kB"),
    ],
)  # fmt: skip
def test_sizes_have_two_or_three_digits(size_bytes: int | None, text: str) -> None:
    assert size_text(size_bytes) == text


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0.04, "0.0 s"),
        (59.9, "59.9 s"),
        (61, "1 min 1 s"),
        (3600, "1 h 0 min"),
        (100_000, "27 h 46 min"),
        (200_000, "2 days"),
    ],
)
def test_durations_have_the_unit_that_fits(seconds: float, text: str) -> None:
    assert seconds_text(seconds) == text


def test_times_without_an_offset_are_utc() -> None:
    assert (
        parse_time("2026-11-22T18:00:00")
        == parse_time("2026-11-22T18:00:00Z")
        == parse_time("2026-11-22T19:00:00+01:00")
    )


def test_a_time_is_shown_with_its_distance() -> None:
    moment = parse_time("2026-11-22T18:00:00Z") or 0
    assert time_text("2026-11-22T18:00:00Z", moment + 90).endswith("(1 min 30 s ago)")
    assert time_text("2026-11-22T18:00:00Z", moment - 5).endswith("(in 5.0 s)")


def test_what_is_no_time_is_shown_as_it_is() -> None:
    assert time_text("soon") == "soon"
