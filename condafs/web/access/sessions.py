"""Sessions of browsers: a cookie that names a token by its hash, signed by the server. Nothing is kept of them.

Format of the cookie: `<token's SHA-256>.<Unix seconds when it ends>.<HMAC-SHA-256 of both, hex>`. It is worth nothing
once the token is revoked. The key lies in the server's directory (`session.key`, 32 random bytes, mode 0600).
"""

import hmac
import os
import re
import secrets
from hashlib import sha256
from pathlib import Path

from condafs.errors import MachineError

COOKIE = "condafs_session"
SECONDS = 12 * 3600
"""How long a browser stays logged in: a day at work."""

_FORM = re.compile(r"([0-9a-f]{64})\.(\d{1,12})\.([0-9a-f]{64})")
_KEY_BYTES = 32


class Sessions:
    """Signs and checks cookies.

    Args:
        key: 32 bytes that nobody else knows.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def sign(self, token_sha256: str, ends: float) -> str:
        """The cookie of who showed that token."""
        what = f"{token_sha256}.{int(ends)}"
        return f"{what}.{self._seal(what)}"

    def read(self, cookie: str, now: float) -> str | None:
        """Hash of the token that a cookie stands for; None when it is no cookie of this server, or has ended."""
        match = _FORM.fullmatch(cookie)
        if not match or not hmac.compare_digest(self._seal(f"{match[1]}.{match[2]}"), match[3]):
            return None
        return match[1] if now < int(match[2]) else None

    def _seal(self, what: str) -> str:
        return hmac.new(self._key, what.encode(), sha256).hexdigest()


def load_sessions(directory: Path) -> Sessions:
    """The sessions of a server; its key is made when there is none.

    Raises:
        MachineError: The key can be neither read nor made.
    """
    path = directory / "session.key"
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        if not path.exists():
            temporary = directory / f".session.{secrets.token_hex(4)}"
            fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(fd, "wb") as file:
                file.write(secrets.token_bytes(_KEY_BYTES))
            temporary.replace(path)
        key = path.read_bytes()
    except OSError as error:
        msg = f"the server's own directory {directory} cannot be used: {error.strerror} ({error.filename})"
        raise MachineError(msg) from None
    if len(key) < _KEY_BYTES:
        msg = f"{path} is cut off: remove it; who was logged in has to log in again"
        raise MachineError(msg)
    return Sessions(key)
