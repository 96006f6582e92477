"""The nearest of the words that would have been right."""

import pytest

from condafs.spec.suggest import nearest

WORDS = ("name", "channels", "dependencies", "exclude-newer")


@pytest.mark.parametrize(
    ("word", "near"),
    [
        ("dependancies", "dependencies"),
        ("Dependencies:", "dependencies"),
        ("chanels", "channels"),
        ("exclude_newer", "exclude-newer"),
        ("nam", "name"),
        ("services", None),
        ("", None),
        ("x" * 100_000, None),
    ],
)
def test_a_near_word_is_suggested_and_a_far_one_is_not(word: str, near: str | None) -> None:
    assert nearest(word, WORDS) == near
