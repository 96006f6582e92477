"""Whose name an environment's is, among the files of one user: a link for each name, kept from session to session.

Two checkouts may both have an `environment.yml` that describes `api`. The second must not silently take the name over:
the first keeps it for as long as it is there and says the same.

::

    ~/.local/state/condafs/sources/<mount, quoted>/api -> /home/ann/src/one/api/environment.yml
"""

import contextlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

from condafs.names import EnvironmentName


def state_home() -> Path:
    """Where programs of this user keep what is worth keeping (XDG Base Directory Specification)."""
    return Path(os.environ.get("XDG_STATE_HOME") or Path("~/.local/state").expanduser())


class Claims:
    """The names that files elsewhere have.

    Args:
        mount: Whose environments.
        describes: Says which environment a file describes now; None when it describes none.
        directory: Where the links are; None: the user's own place. Where it cannot be written, claims hold for as long
            as this object lives.
    """

    def __init__(
        self, mount: Path, describes: Callable[[Path], EnvironmentName | None], directory: Path | None = None
    ) -> None:
        self._describes = describes
        self._links = (directory or state_home() / "condafs" / "sources") / quote(str(mount), safe="")
        self._files: dict[EnvironmentName, Path] = {}

    def holder(self, name: EnvironmentName) -> Path | None:
        """The file that has a name, while it is there and describes it."""
        path = self._files.get(name) or self._read(name)
        return path if path and self._describes(path) == name else None

    def last_holder(self, name: EnvironmentName) -> Path | None:
        """The file that had a name last, whatever has become of it."""
        return self._files.get(name) or self._read(name)

    def name_of(self, path: Path) -> EnvironmentName | None:
        """The name that a file has, as far as this session knows."""
        return next((name for name, file in self._files.items() if file == path), None)

    def record(self, name: EnvironmentName, path: Path) -> None:
        """A file has a name from now on, and no other."""
        former = self.name_of(path)
        if former not in {None, name}:
            del self._files[former]
        is_known = self._read(name) == path
        self._files[name] = path
        if is_known:
            return
        with contextlib.suppress(OSError):
            self._links.mkdir(parents=True, exist_ok=True)
            temporary = self._links / f".{secrets.token_hex(4)}"
            temporary.symlink_to(path)
            temporary.replace(self._links / name.text)

    def forget(self, name: EnvironmentName) -> None:
        """Nobody has a name any more."""
        self._files.pop(name, None)
        with contextlib.suppress(OSError):
            (self._links / name.text).unlink()

    def _read(self, name: EnvironmentName) -> Path | None:
        try:
            return (self._links / name.text).readlink()
        except OSError:
            return None
