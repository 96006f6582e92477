"""Who asks, from the headers of a request."""

import base64
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import Headers

from condafs.web.access.roles import Role
from condafs.web.access.sessions import COOKIE, Sessions
from condafs.web.access.tokens import Token, TokenStore, hash_of
from condafs.web.access.visitor import SAFE_METHODS, Doorkeeper, Visitor, comes_from_here
from condafs.web.errors import NotAllowedError, UnauthorizedError

NOW = 1000.0
SECRET = "condafs_secret"  # noqa: S105 - nobody's
SESSIONS = Sessions(b"k" * 32)
ANYBODY = Visitor(role=Role.VIEWER)
EDITOR = Visitor("ci", Role.EDITOR)
UNSAFE_METHODS = ("POST", "PUT", "DELETE", "PATCH")


class Known(TokenStore):
    """Tokens that are in no file."""

    def __init__(self, *tokens: Token) -> None:
        super().__init__(Path("/nowhere"))
        self._by_hash = {token.sha256: token for token in tokens}

    def find_hash(self, sha256: str, now: float) -> Token | None:
        found = self._by_hash.get(sha256)
        return found if found and found.is_valid(now) else None


TOKENS = Known(
    Token("ci", Role.EDITOR, hash_of(SECRET), 1),
    Token("old", Role.ADMIN, hash_of("condafs_old"), 1, expires=NOW),
)


def admit(
    headers: Mapping[str, str], method: str = "GET", cookie: str = "", *, is_open: bool = True, now: float = NOW
) -> Visitor:
    door = Doorkeeper(TOKENS, SESSIONS, is_open=is_open, clock=lambda: now, public_host="envs.example.org")
    return door.admit(method, Headers(headers), {COOKIE: cookie} if cookie else {}, COOKIE)


def basic(text: str) -> str:
    return f"Basic {base64.b64encode(text.encode()).decode()}"


def test_who_shows_nothing_may_read_where_reading_is_open() -> None:
    assert admit({}) == ANYBODY
    assert admit({}, is_open=False) == Visitor()
    assert not admit({}, is_open=False).may(Role.VIEWER)


@pytest.mark.parametrize(
    "header",
    [
        f"Bearer {SECRET}",
        f"bearer   {SECRET} ",
        f"  BEARER {SECRET}",
        basic(f"anybody:{SECRET}"),
        basic(f":{SECRET}"),
        basic(f"x:{SECRET}").replace("Basic", "basic"),
    ],
)
def test_a_token_is_known_however_it_is_shown(header: str) -> None:
    for method in ("GET", "POST"):
        assert admit({"authorization": header}, method) == EDITOR


@pytest.mark.parametrize(
    "header", ["Bearer nonsense", "Bearer condafs_old", f"Bearer {SECRET}x", basic("ci:x"), basic(f"{SECRET}:x")]
)
def test_a_token_that_is_none_is_refused_even_for_reading(header: str) -> None:
    with pytest.raises(UnauthorizedError, match="unknown, revoked or expired"):
        admit({"authorization": header})


@pytest.mark.parametrize(
    "header", ["", "Bearer", "Basic !!!", "Basic /w==", "Basic é", "Digest x", SECRET, basic("no colon")]
)
def test_a_header_without_a_token_is_as_none(header: str) -> None:
    assert admit({"authorization": header}) == ANYBODY


@given(st.text(st.characters(max_codepoint=255)), st.text(st.characters(max_codepoint=255)))
def test_junk_in_headers_and_cookies_makes_nobody_more_than_anybody(junk: str, cookie: str) -> None:
    headers = dict.fromkeys(("authorization", "origin", "host", "sec-fetch-site"), junk)
    for method in ("GET", "POST"):
        try:
            found = admit(headers, method, cookie)
        except UnauthorizedError:
            continue
        assert found == ANYBODY


@given(st.text(st.characters()))
def test_any_text_as_a_token_is_refused_or_nothing(text: str) -> None:
    for header in (f"Bearer {text}", f"Basic {text}"):
        try:
            found = Doorkeeper(TOKENS, SESSIONS, is_open=True, clock=lambda: NOW, public_host="envs.example.org").admit(
                "GET", {"authorization": header}, {}, COOKIE
            )
        except UnauthorizedError:
            continue
        assert found == ANYBODY


def cookie_of(secret: str, ends: float = NOW + 1) -> str:
    return SESSIONS.sign(hash_of(secret), ends)


def test_a_cookie_counts_for_reading_wherever_the_request_comes_from() -> None:
    for method in SAFE_METHODS:
        found = admit({"sec-fetch-site": "cross-site"}, method, cookie_of(SECRET))
        assert found == Visitor("ci", Role.EDITOR, has_cookie=True)


@pytest.mark.parametrize(
    ("headers", "is_here"),
    [
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "same-origin", "origin": "https://evil.example"}, True),
        ({"sec-fetch-site": "same-site", "origin": "http://host", "host": "host"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"sec-fetch-site": "none"}, False),
        ({"sec-fetch-site": ""}, False),
        ({"origin": "http://host:80", "host": "host:80"}, True),
        ({"origin": "https://host", "host": "host"}, True),
        ({"origin": "http://evil.example", "host": "host"}, False),
        ({"origin": "http://host.evil.example", "host": "host"}, False),
        ({"origin": "http://host", "host": "host:80"}, False),
        ({"origin": "null", "host": "host"}, False),
        ({"origin": "null", "host": ""}, False),
        ({"origin": "null"}, False),
        ({"origin": "", "host": ""}, False),
        ({"origin": "https://envs.example.org", "host": "backend:8080"}, True),
        ({"host": "host"}, False),
        ({}, False),
    ],
)
def test_a_cookie_counts_for_changes_only_when_the_request_comes_from_here(
    headers: Mapping[str, str], *, is_here: bool
) -> None:
    assert comes_from_here(Headers(headers), "envs.example.org") is is_here
    for method in UNSAFE_METHODS:
        found = admit(headers, method, cookie_of(SECRET))
        assert found == (Visitor("ci", Role.EDITOR, has_cookie=True) if is_here else ANYBODY)


@pytest.mark.parametrize(
    "cookie",
    [
        cookie_of("condafs_unknown"),
        cookie_of("condafs_old"),
        cookie_of(SECRET, NOW),
        Sessions(b"x" * 32).sign(hash_of(SECRET), NOW + 1),
        SECRET,
        hash_of(SECRET),
    ],
)
def test_a_cookie_that_stands_for_no_valid_token_is_as_none(cookie: str) -> None:
    assert admit({}, cookie=cookie) == ANYBODY


def test_a_token_that_is_shown_counts_before_the_cookie() -> None:
    with pytest.raises(UnauthorizedError):
        admit({"authorization": "Bearer nonsense"}, cookie=cookie_of(SECRET))


def test_who_may_too_little_hears_which_token_and_who_has_none_that_one_is_needed() -> None:
    with pytest.raises(NotAllowedError, match="the token ci has role editor: this needs one of role admin"):
        EDITOR.require(Role.ADMIN)
    with pytest.raises(UnauthorizedError, match="needs a token of role editor"):
        ANYBODY.require(Role.EDITOR)
    EDITOR.require(Role.EDITOR)
