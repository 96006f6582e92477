"""Cookies: nobody makes one without the key, and none outlives its end."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condafs.web.access.sessions import Sessions

TOKEN = "a" * 64
SESSIONS = Sessions(b"k" * 32)
COOKIE = SESSIONS.sign(TOKEN, 1000)


def test_a_cookie_stands_for_its_token_until_it_ends() -> None:
    assert SESSIONS.read(COOKIE, 999.9) == TOKEN
    assert SESSIONS.read(COOKIE, 1000) is None


def test_another_key_signs_other_cookies() -> None:
    assert Sessions(b"l" * 32).read(COOKIE, 0) is None


@pytest.mark.parametrize(
    "forged",
    [
        COOKIE.replace(".1000.", ".9999."),
        COOKIE.replace(TOKEN, "b" * 64),
        COOKIE.replace(".1000.", ".01000."),
        COOKIE[:-1],
        COOKIE + "0",
        COOKIE + "\n",
        COOKIE.upper(),
        f"{TOKEN}.1000.{'0' * 64}",
        f"{TOKEN}.\u0661\u0660\u0660\u0660.{COOKIE[-64:]}",
        f"{TOKEN}.1000.",
        "..",
        "",
    ],
)
def test_a_forged_cookie_is_none(forged: str) -> None:
    assert SESSIONS.read(forged, 0) is None


@given(st.text(st.characters()) | st.from_regex(r"[0-9a-f]{64}\.\d{1,12}\.[0-9a-f]{64}", fullmatch=True))
def test_junk_is_no_cookie(text: str) -> None:
    assert SESSIONS.read(text, 0) is None


@given(st.from_regex(r"[0-9a-f]{64}", fullmatch=True), st.integers(1, 10**11), st.integers(0, 10**11))
def test_what_was_signed_is_read(token: str, ends: int, now: int) -> None:
    assert SESSIONS.read(SESSIONS.sign(token, ends), now) == (token if now < ends else None)
