"""The tokens that may be used: hashes in a file; a token itself is shown once and kept nowhere.

Format of `tokens.json` in the server's directory, mode 0600, replaced as a whole under a lock beside it::

    {"version": 1, "tokens": [{"name": "ci", "role": "editor", "sha256": "<64 hex>",
                               "created": <Unix seconds>, "expires": <Unix seconds or 0>,
                               "parent": "<64 hex, or empty>"}]}

A token is `condafs_` and 43 characters of base64url, 256 random bits: no guessing, so a plain SHA-256 is enough (a slow
hash protects passwords, which people choose). The file is read anew when it has changed, so that a token that is
revoked ends at once.
"""

import errno
import fcntl
import hashlib
import json
import os
import secrets
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from condafs.errors import ConflictError, DiskFullError, InvalidNameError, MachineError, NotFoundError
from condafs.names import is_label
from condafs.web.access.roles import Role

FILE = "tokens.json"
PREFIX = "condafs_"

REMEMBERED_SECONDS = 30 * 86400
"""How long a token is listed after its end."""

Stamp: TypeAlias = "tuple[int, int, int]"

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


@dataclass(frozen=True, slots=True)
class Token:
    """What is known of a token.

    Attributes:
        name: Label that its doings are recorded under.
        role: What it allows.
        sha256: 64 hex digits, of the token.
        created: Unix seconds.
        expires: Unix seconds; 0: never.
        parent: SHA-256 of the token that it was made from, and ends with; "" for none.
    """

    name: str
    role: Role
    sha256: str
    created: float
    expires: float = 0
    parent: str = ""

    def is_valid(self, now: float) -> bool:
        """Whether it can still be used."""
        return not self.expires or now < self.expires


def hash_of(secret: str) -> str:
    """What is kept of a token."""
    return hashlib.sha256(secret.encode(errors="surrogatepass")).hexdigest()


class TokenStore:
    """The tokens of one server.

    Args:
        directory: The server's own.
    """

    def __init__(self, directory: Path) -> None:
        self._path = directory / FILE
        # One value, replaced as a whole: threads of the server load it at the same time.
        self._known: tuple[Stamp | None, Mapping[str, Token]] = (None, {})

    def tokens(self) -> Sequence[Token]:
        """All of them, expired ones too, by name.

        Raises:
            MachineError: The file cannot be read, or is damaged.
        """
        return sorted(self._load().values(), key=lambda token: token.name)

    def find(self, secret: str, now: float) -> Token | None:
        """The valid token that a secret is."""
        return self.find_hash(hash_of(secret), now)

    def find_hash(self, sha256: str, now: float) -> Token | None:
        """The valid token of a hash; one that was made from another is valid as long as that is."""
        tokens = self._load()
        found = token = tokens.get(sha256)
        while token and token.is_valid(now):
            if not token.parent:
                return found
            token = tokens.get(token.parent)
        return None

    def create(self, name: str, role: Role, created: float, expires: float = 0, parent: str = "") -> str:
        """Make a token and return it: nobody can find it out later. Those that ended long ago are forgotten.

        Args:
            name: Unique label.
            role: What it allows.
            created: Unix seconds.
            expires: Unix seconds; 0: never.
            parent: SHA-256 of the token that it is made from.

        Raises:
            InvalidNameError: The name cannot be recorded.
            ConflictError: There is a token of that name.
            DiskFullError, MachineError: It cannot be kept.
        """
        if not is_label(name):
            msg = f"{name!r} cannot name a token: up to 64 letters, digits, '_', '.', '@' and '-' can"
            raise InvalidNameError(msg)
        secret = PREFIX + secrets.token_urlsafe(32)
        with self._changing() as tokens:
            for key in [key for key, token in tokens.items() if not token.is_valid(created - REMEMBERED_SECONDS)]:
                del tokens[key]
            if any(token.name == name for token in tokens.values()):
                msg = f"there is a token called {name} already: revoke it first, or choose another name"
                raise ConflictError(msg)
            fresh = Token(name, role, hash_of(secret), created, expires, parent)
            tokens[fresh.sha256] = fresh
        return secret

    def revoke(self, name: str) -> None:
        """End a token.

        Raises:
            NotFoundError: There is none of that name.
        """
        with self._changing() as tokens:
            found = [key for key, token in tokens.items() if token.name == name]
            if not found:
                known = ", ".join(sorted(token.name for token in tokens.values())) or "none"
                msg = f"there is no token called {name}; there is {known}"
                raise NotFoundError(msg)
            for key in found:
                del tokens[key]

    def _load(self) -> Mapping[str, Token]:
        stamp, tokens = self._known
        try:
            with self._path.open("rb") as file:
                found = os.fstat(file.fileno())
                if stamp != (stamp := (found.st_ino, found.st_size, found.st_mtime_ns)):
                    tokens = _decode(file.read(), self._path)
        except FileNotFoundError:
            stamp, tokens = None, {}
        except OSError as error:
            msg = f"the tokens in {self._path} cannot be read: {error.strerror}"
            raise MachineError(msg) from None
        self._known = stamp, tokens
        return tokens

    @contextmanager
    def _changing(self) -> Iterator[dict[str, Token]]:
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            lock = self._open_lock()
            try:
                fcntl.flock(lock, fcntl.LOCK_EX)
                tokens = dict(self._load())
                yield tokens
                self._write(tokens)
            finally:
                os.close(lock)
        except OSError as error:
            kind = DiskFullError if error.errno in _FULL else MachineError
            msg = f"the tokens in {self._path} cannot be written: {error.strerror}"
            raise kind(msg) from None

    def _open_lock(self) -> int:
        path = self._path.with_suffix(".lock")
        try:
            return self._create(path)
        except FileExistsError:
            # Not through a link: the directory is the server's, and root, who may come here, is more than the server.
            return os.open(path, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)

    def _create(self, path: Path) -> int:
        """A new file, of the directory's owner: root makes tokens for a server that is another user."""
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        if os.geteuid() == 0:
            owner = self._path.parent.stat()
            os.fchown(fd, owner.st_uid, owner.st_gid)
        return fd

    def _write(self, tokens: Mapping[str, Token]) -> None:
        document = {"version": 1, "tokens": [asdict(token) for token in tokens.values()]}
        temporary = self._path.with_suffix(".new")
        temporary.unlink(missing_ok=True)
        with os.fdopen(self._create(temporary), "w") as file:
            json.dump(document, file)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(self._path)
        self._sync_directory()  # a token that was revoked must not come back with the power

    def _sync_directory(self) -> None:
        fd = os.open(self._path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)


def _decode(content: bytes, path: Path) -> Mapping[str, Token]:
    try:
        document = json.loads(content)
        tokens = [_token(item) for item in document["tokens"]]
    except (ValueError, KeyError, TypeError, RecursionError):
        msg = f"{path} is damaged: remove it and make new tokens (condafs token create)"
        raise MachineError(msg) from None
    return {token.sha256: token for token in tokens}


def _token(item: Mapping[str, Any]) -> Token:
    token = Token(**{**item, "role": Role(item["role"])})
    if not all(isinstance(text, str) for text in (token.name, token.sha256, token.parent)):
        msg = "name and hashes are texts"
        raise TypeError(msg)
    return replace(token, created=float(token.created), expires=float(token.expires))
