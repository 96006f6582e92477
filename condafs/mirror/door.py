"""One file elsewhere goes through the mount, as the user who asks, or is refused: what `cp` would do, with more tact.

What is there already is not submitted again, so that a name that was rolled back stays where it is. What was written
into `.specs` after the file was changed last is somebody's wish, and stays.
"""

import contextlib
import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from condafs.client.envs import Envs
from condafs.client.mountpoint import is_answering
from condafs.client.status import Status
from condafs.client.steering import retire
from condafs.client.submission import build_of, parse_here, replace_specification, write_specification
from condafs.errors import ConflictError, MachineError, SpecificationError, UserError
from condafs.mirror.claims import Claims
from condafs.mirror.naming import default_file, is_same_kind
from condafs.names import BuildName, EnvironmentName, is_spec_file

MAX_BYTES = 1 << 20
"""A specification is not longer: the mount refuses what is."""


_PASSING = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EIO})
"""Troubles of the mount that are no file's fault, and may be over when it is tried again."""


class Outcome(StrEnum):
    """What became of a file."""

    SUBMITTED = "submitted"
    UNCHANGED = "unchanged"
    KEPT = "kept"
    BLANK = "blank"


@dataclass(frozen=True, slots=True)
class Taken:
    """A file that was not refused.

    Attributes:
        outcome: What became of it.
        build: What it asks for; None when it is blank.
        file: Its place in `.specs`.
    """

    outcome: Outcome
    build: BuildName | None = None
    file: Path | None = None

    def why_kept(self, path: Path) -> str:
        """Why what a file says was not submitted, and what to do; "" when it was, or there was no need."""
        if self.outcome is not Outcome.KEPT:
            return ""
        return f"{self.file} was changed later than {path}, and stays; touch the latter to submit it"


class MountGoneError(MachineError):
    """The mount does not answer; what was to be written there can be when it does again."""


class Door:
    """The way into one mount for files elsewhere. Every method blocks as system calls on the mount do.

    Args:
        envs: The mount.
        claims: Whose names there are.
    """

    def __init__(self, envs: Envs, claims: Claims | None = None) -> None:
        self.envs = envs
        self.claims = claims or Claims(envs.mount, self.describes)

    @staticmethod
    def describes(path: Path) -> EnvironmentName | None:
        """Which environment a file describes; None when it is not there, or cannot be read as a specification."""
        try:
            specification = parse_here(read_whole(path), default_file(path))
        except (OSError, UserError):
            return None
        return specification.name if specification else None

    def take(self, path: Path, content: bytes, *, is_news: bool) -> Taken:
        """Submit what a file says, unless that is there already.

        Args:
            path: The file; its name and its directory's may name the environment.
            content: What it says.
            is_news: Whether it is known to have changed. Otherwise the later of the two changes holds, its own and the
                one in `.specs`.

        Raises:
            SpecificationError, UserError: It is refused; the text names the file, and has the caret.
            ConflictError: Another file has the name.
            MountGoneError: Nobody is behind the mount.
        """
        with self._present():
            try:
                specification = parse_here(content, default_file(path))
            except SpecificationError as error:
                self._show_refusal(path, content)
                raise UserError(error.render(str(path))) from None
            if specification is None:
                return Taken(Outcome.BLANK)
            build = build_of(specification)
            self._require_free(build.name, path)
            place = self._place(path, build.name, self.envs.find_status(build.name.text))
            outcome = self._compare(path, place, content, is_news=is_news)
            if outcome is Outcome.SUBMITTED:
                replace_specification(place, content, is_private=_is_private(path))
            self.claims.record(build.name, path)
            return Taken(outcome, build, place)

    def retire(self, name: EnvironmentName) -> None:
        """The file of an environment is gone for good; its builds stay.

        Raises:
            UserError: It may not be retired, or is.
            MountGoneError: Nobody is behind the mount.
        """
        with self._present():
            retire(self.envs, name.text)
            self.claims.forget(name)

    @contextlib.contextmanager
    def _present(self) -> Iterator[None]:
        """What a mount without a daemon answers is not the fault of a file."""
        try:
            yield
        except OSError as error:
            if not is_answering(self.envs.mount):
                msg = f"{self.envs.mount} does not answer: start its daemon again (condafs mount {self.envs.mount})"
                raise MountGoneError(msg) from None
            msg = f"{error.filename or self.envs.mount}: {error.strerror or error}"
            raise (MountGoneError if error.errno in _PASSING else UserError)(msg) from None

    def _require_free(self, name: EnvironmentName, path: Path) -> None:
        holder = self.claims.holder(name)
        if holder not in {None, path} and not _is_one_file(holder, path):
            msg = (
                f"{path}: the environment {name} is described by {holder} already: one file a name. "
                "Write another `name:` into one of them"
            )
            raise ConflictError(msg)

    def _place(self, path: Path, name: EnvironmentName, status: Status | None) -> Path:
        """The file of `.specs` that describes the environment already, if it is of the same kind; else a new one."""
        known = status.file if status else ""
        usable = known and is_spec_file(known) and is_same_kind(known, path.name)
        return self.envs.specs / (known if usable else default_file(path, name.text))

    @staticmethod
    def _compare(path: Path, place: Path, content: bytes, *, is_news: bool) -> Outcome:
        try:
            if place.read_bytes() == content:
                return Outcome.UNCHANGED
            # Renaming a file into place changes its time of change, not its time of modification.
            if not is_news and place.stat().st_mtime_ns > path.stat().st_ctime_ns:
                return Outcome.KEPT
        except (FileNotFoundError, PermissionError):
            pass  # not there, or somebody else's: writing it will say so
        return Outcome.SUBMITTED

    def _show_refusal(self, path: Path, content: bytes) -> None:
        """Write what is refused as well, as `cp` would, so that `.error` beside it tells everybody why."""
        name = self.claims.name_of(path) or _as_name(default_file(path))
        if name is None:
            return
        status = self.envs.find_status(name.text)
        place = self._place(path, name, status)
        is_ours = self.claims.last_holder(name) == path
        if not is_ours and (status is not None or place.exists()):
            return  # somebody else's environment has the name
        with contextlib.suppress(OSError, UserError):
            if place.exists() and place.read_bytes() == content:
                return
            if _is_private(path):
                place.touch(0o600)
            write_specification(self.envs, place.name, content)


def read_whole(path: Path) -> bytes:
    """The bytes of a regular file, one more than a specification may have at most.

    Raises:
        PermissionError: Also when root is led by somebody's link to what that somebody may not be able to read.
        OSError: EINVAL, when it is no regular file.
    """
    # A pipe would be waited for until somebody writes into it; this one may have been a file a moment ago.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC), "rb") as file:
        status = os.fstat(file.fileno())
        if not stat.S_ISREG(status.st_mode):
            raise OSError(errno.EINVAL, "it is no regular file", str(path))
        link = path.lstat()
        if os.geteuid() == 0 and stat.S_ISLNK(link.st_mode) and link.st_uid not in {0, status.st_uid}:
            raise PermissionError(errno.EACCES, "the link and the file belong to different users", str(path))
        return file.read(MAX_BYTES + 1)


def _as_name(file_name: str) -> EnvironmentName | None:
    try:
        return EnvironmentName(Path(file_name).stem)
    except UserError:
        return None


def _is_private(path: Path) -> bool:
    """Whether its owner alone may read a file: then its copy must not be for all."""
    return not stat.S_IMODE(path.stat().st_mode) & (stat.S_IRGRP | stat.S_IROTH)


def _is_one_file(holder: Path | None, path: Path) -> bool:
    """Whether two paths lead to one file."""
    try:
        return holder is not None and holder.samefile(path)
    except OSError:
        return False
