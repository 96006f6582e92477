"""What is kept of a project between prompts.

Format, read by the hooks with nothing but `test`, `read` and `source`::

    ~/.local/state/condafs/projects/home/ann/src/foo/.project/
        allowed                       there when the user said so: a checkout may hold anybody's code
        stamp                         its time is that of the environment file when it was handed on
        environment -> ~/envs/foo     what to activate; leads to another prefix when a build is published
        status -> ~/envs/.status/foo  how the next build goes; leads nowhere while there is no daemon
        prefix -> <sealed prefix>     the build that was activated last, for when there is no daemon
        refusal                       why the file is refused, in words; only while it is
"""

import contextlib
import os
import secrets
from dataclasses import dataclass
from pathlib import Path

from condafs.errors import NotFoundError
from condafs.mirror.claims import state_home
from condafs.names import EnvironmentName

FILES = ("environment.yml", "environment.yaml")
"""What makes a directory a project, the first one found."""


@dataclass(frozen=True, slots=True)
class Project:
    """A directory with an environment file; links on the way to it stay as they are, as in `$PWD`."""

    file: Path

    @property
    def place(self) -> Path:
        """Where its things are."""
        return projects() / self.file.parent.relative_to("/") / ".project"

    @property
    def is_allowed(self) -> bool:
        """Whether shells may follow it."""
        return (self.place / "allowed").exists()

    @property
    def environment(self) -> Path | None:
        """`<mount>/<name>` as it was when the file was handed on last."""
        return _target(self.place / "environment")

    @property
    def prefix(self) -> Path | None:
        """The sealed prefix that is known last, if it is still there."""
        prefix = _target(self.place / "prefix")
        return prefix if prefix and prefix.is_dir() else None

    def allow(self) -> None:
        """Shells may follow it."""
        self.place.mkdir(parents=True, exist_ok=True, mode=0o700)
        (self.place / "allowed").touch()

    def forbid(self) -> None:
        """Shells may not follow it any more."""
        (self.place / "allowed").unlink(missing_ok=True)

    def has_changed(self) -> bool | None:
        """Whether the file is another than it was when it was handed on; None when it never was."""
        try:
            stamp = (self.place / "stamp").stat()
        except OSError:
            return None
        return stamp.st_mtime_ns != self.file.stat().st_mtime_ns

    def note(self, mount: Path, name: EnvironmentName) -> None:
        """The file describes this environment."""
        self.place.mkdir(parents=True, exist_ok=True, mode=0o700)
        _link(self.place / "environment", mount / name.text)
        _link(self.place / "status", mount / ".status" / name.text)
        self.note_prefix()

    def note_prefix(self) -> None:
        """Remember where the environment leads now, if it does."""
        environment = self.environment
        with contextlib.suppress(OSError):
            if environment:
                _link(self.place / "prefix", environment.resolve(strict=True))

    def stamp(self, mtime_ns: int, refusal: str = "") -> None:
        """The file as it was at that time is handed on, or refused."""
        self.place.mkdir(parents=True, exist_ok=True, mode=0o700)
        text = self.place / "refusal"
        if refusal:
            text.write_text(f"{refusal.rstrip()}\n", encoding="utf-8", errors="replace")
        else:
            text.unlink(missing_ok=True)
        stamp = self.place / "stamp"
        stamp.touch()
        os.utime(stamp, ns=(mtime_ns, mtime_ns))


def projects() -> Path:
    """Where all projects' things are."""
    return state_home() / "condafs" / "projects"


def find_project(place: Path) -> Project:
    """The project of a file, or of the nearest directory from here upward that has an environment file.

    Raises:
        NotFoundError: There is none.
    """
    here = Path(os.path.abspath(place.expanduser()))  # noqa: PTH100 - links stay
    if here.is_file():
        return Project(here)
    for directory in (here, *here.parents):
        for name in FILES:
            if (directory / name).is_file():
                return Project(directory / name)
    msg = f"neither {here} nor a directory above it has an {FILES[0]}"
    raise NotFoundError(msg)


def _link(path: Path, target: Path) -> None:
    """Let a link lead there, in one step; nothing is written when it does already."""
    if _target(path) == target:
        return
    temporary = path.with_name(f".{secrets.token_hex(4)}")
    temporary.symlink_to(target)
    temporary.replace(path)


def _target(link: Path) -> Path | None:
    try:
        return link.readlink()
    except OSError:
        return None
