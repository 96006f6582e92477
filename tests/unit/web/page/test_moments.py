"""Times and amounts on pages."""

import pytest

from condafs.web.page.moments import ago, count_text, distance_text, signed_size

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(12, "12 s"), (300, "5 min"), (7200, "2 h"), (3 * 86400, "3 days"), (30 * 86400, "")],
)
def test_distances_are_rounded_as_people_say_them(seconds: float, text: str) -> None:
    assert distance_text(seconds) == text


def test_a_moment_has_the_exact_time_behind_it() -> None:
    text = str(ago(NOW - 7200, NOW))
    assert ">2 h ago<" in text
    assert 'datetime="2027-01-15T06:00:00Z"' in text
    assert 'title="2027-01-15 06:00:00 UTC"' in text


def test_what_is_long_ago_is_a_day_and_what_comes_is_in_the_future() -> None:
    assert ">15 Jan 2027<" in str(ago(NOW, NOW + 90 * 86400))
    assert ">in 5 min<" in str(ago(NOW + 300, NOW))
    assert ">just now<" in str(ago(NOW - 2, NOW))
    assert str(ago(0, NOW)) == "never"


def test_amounts_have_signs_and_words_their_plural() -> None:
    assert [signed_size(0), signed_size(449_000), signed_size(-1_200_000)] == ["", "+449 kB", "\u22121.2 MB"]
    assert [count_text(1, "package"), count_text(10_000, "package")] == ["1 package", "10,000 packages"]
