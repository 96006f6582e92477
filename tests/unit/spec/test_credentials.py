"""Credentials in texts."""

import pytest

from condafs.spec.credentials import is_masked, mask_credentials, mask_in_place


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("https://joe:secret@host.org/a", "https://***@host.org/a"),
        ("https://joe:s@cret@host.org/a", "https://***@host.org/a"),
        ("https://ghp_token@host.org/a and http://x@y", "https://***@host.org/a and http://***@y"),
        ("https://host.org/t/tk-123/a", "https://host.org/t/***/a"),
        ("see 'https://host.org/t/tk-123'", "see 'https://host.org/t/***'"),
        ("https://joe:x@host.org/t/tk-1/a/t/tk-2/b", "https://***@host.org/t/***/a/t/***/b"),
        ("git+https://token@host.org/a.git@main", "git+https://***@host.org/a.git@main"),
        ("https://host.org/a?token=abc&b=c#d", "https://host.org/a?token=***&b=c#d"),
        ("https://host.org/a?b=c&API_KEY=abc", "https://host.org/a?b=c&API_KEY=***"),
        ("git+ssh://git@host.org/a", "git+ssh://git@host.org/a"),
        ("https://host.org/a@b", "https://host.org/a@b"),
        ("/srv/t/foo/bar", "/srv/t/foo/bar"),
        ("mail joe@host.org", "mail joe@host.org"),
        ("https://***@host.org/t/***/a", "https://***@host.org/t/***/a"),
        ("", ""),
    ],
)
def test_credentials_are_masked_and_nothing_else(text: str, masked: str) -> None:
    assert mask_credentials(text) == masked
    assert mask_credentials(masked) == masked
    in_place = mask_in_place(text)
    assert len(in_place) == len(text)
    assert (in_place == text) == (masked == text)


def test_a_masked_url_is_recognised() -> None:
    assert is_masked(mask_credentials("https://joe:secret@host.org/a"))
    assert is_masked(mask_credentials("https://host.org/t/tk-1/a"))
    assert not is_masked("https://joe:secret@host.org/t/tk-1/a")
