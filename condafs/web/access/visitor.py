"""Who asks: from the headers of a request to a name and a role, or a refusal.

A token comes as `Authorization: Bearer`, as the password of `Authorization: Basic` (what container tools have), or as
the cookie that logging in gave. Browsers send cookies along with requests that other sites make, so that one counts for
changes only when the browser says where the request comes from and that is here.
"""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from condafs.web.access.roles import Role
from condafs.web.access.sessions import Sessions
from condafs.web.access.tokens import Token, TokenStore
from condafs.web.errors import NotAllowedError, UnauthorizedError

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
"""Those that change nothing (RFC 9110, 9.2.1)."""


@dataclass(frozen=True, slots=True)
class Visitor:
    """Who asks.

    Attributes:
        name: The token's; "" without one.
        role: What they may do; None: nothing.
        expires: Unix seconds; 0: never.
        has_cookie: Whether a browser's session said so.
        token_sha256: Of the token, "" without one.
    """

    name: str = ""
    role: Role | None = None
    expires: float = 0
    has_cookie: bool = False
    token_sha256: str = field(default="", compare=False)

    def may(self, role: Role) -> bool:
        """Whether they may do what that role may."""
        return self.role is not None and self.role.includes(role)

    def require(self, role: Role) -> None:
        """Refuse.

        Raises:
            UnauthorizedError: They showed no token.
            NotAllowedError: The token does not allow it.
        """
        if self.may(role):
            return
        if self.name:
            msg = f"the token {self.name} has role {self.role}: this needs one of role {role} (condafs token create)"
            raise NotAllowedError(msg)
        msg = f"this needs a token of role {role}: condafs token create makes one"
        raise UnauthorizedError(msg)


class Doorkeeper:
    """Tells who asks.

    Args:
        tokens: Those that count.
        sessions: Of browsers.
        is_open: Whether everybody may read.
        clock: Unix seconds.
        public_host: What browsers call the server, when a proxy calls it something else; "" otherwise.
    """

    def __init__(
        self,
        tokens: TokenStore,
        sessions: Sessions,
        *,
        is_open: bool,
        clock: Callable[[], float],
        public_host: str = "",
    ) -> None:
        self.public_host = public_host
        self.tokens = tokens
        self.sessions = sessions
        self._anybody = Visitor(role=Role.VIEWER if is_open else None)
        self._clock = clock

    def admit(self, method: str, headers: Mapping[str, str], cookies: Mapping[str, str], cookie_name: str) -> Visitor:
        """Who asks.

        Raises:
            UnauthorizedError: They showed a token that is none.
        """
        if secret := _secret_of(headers.get("authorization", "")):
            token = self.tokens.find(secret, self._clock())
            if token is None:
                msg = "this token is unknown, revoked or expired"
                raise UnauthorizedError(msg)
            return _visitor(token, has_cookie=False)
        token = self._of_cookie(cookies.get(cookie_name, ""))
        if token is None or (method not in SAFE_METHODS and not comes_from_here(headers, self.public_host)):
            return self._anybody
        return _visitor(token, has_cookie=True)

    def _of_cookie(self, cookie: str) -> Token | None:
        now = self._clock()
        sha256 = self.sessions.read(cookie, now) if cookie else None
        return self.tokens.find_hash(sha256, now) if sha256 else None


def _visitor(token: Token, *, has_cookie: bool) -> Visitor:
    return Visitor(token.name, token.role, token.expires, has_cookie, token.sha256)


def comes_from_here(headers: Mapping[str, str], public_host: str = "") -> bool:
    """Whether a browser says that a page of this server makes the request (Fetch standard, 2.2.7 and 3.2).

    Who says nothing may be a browser too old to say it, so that is not enough: programs have tokens.
    """
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        return site == "same-origin"
    return origin is not None and origin.partition("://")[2] in {headers.get("host", ""), public_host} - {""}


def _secret_of(authorization: str) -> str:
    scheme, _, rest = authorization.strip().partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(rest, validate=True).decode().partition(":")[2]
    except ValueError:  # no base64, no ASCII, no UTF-8
        return ""
