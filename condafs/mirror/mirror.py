"""What changed since the last survey goes through the door; each thing is said once.

A file that is refused stops no other: it is tried again when it changes, or, when another file has its name, at every
survey. Every method blocks.
"""

import hashlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path

from condafs.errors import ConflictError, NotFoundError, UserError
from condafs.mirror.door import Door, MountGoneError, Outcome, Taken, read_whole
from condafs.mirror.naming import looks_like_environment
from condafs.mirror.reports import Kind, Report
from condafs.mirror.survey import Candidate, Signature, Survey
from condafs.names import BuildName
from condafs.spec.credentials import mask_in_place

GRACE_SECONDS = 3.0
"""How long a file has to be gone until anything is made of it: `git checkout`, and editors that remove before they
write, put it back in time."""


@dataclass(slots=True)
class _File:
    """What is remembered of one file.

    Attributes:
        signature: When it was read last; None when it has to be read again.
        content_sha256: Of what went through the door last; "" when it did not: touching the file tries it again.
        said: The last refusal that was told.
        has_lost: Whether another file has its name. It does not get it while that one may yet come back.
        gone_since: Monotonic seconds; None while it is there.
    """

    signature: Signature | None = None
    content_sha256: str = ""
    said: str = ""
    has_lost: bool = False
    gone_since: float | None = None


@dataclass(slots=True)
class Tally:
    """How it went."""

    submitted: list[BuildName] = field(default_factory=list)
    unchanged: int = 0


class Mirror:
    """Remembers the files that were seen.

    Args:
        door: Where they go.
        tell: Takes the reports.
        roots: What is watched.
        retires: Whether an environment is retired when its file is removed.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        door: Door,
        tell: Callable[[Report], None],
        roots: Iterable[Path],
        *,
        retires: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._door = door
        self._tell = tell
        self._roots = tuple(roots)
        self._retires = retires
        self._clock = clock
        self._files: dict[Path, _File] = {}
        self._is_offline = False
        self._is_first = True

    @property
    def is_waiting(self) -> bool:
        """Whether something is to be done that no change will tell of: the mount comes back, a grace ends."""
        return self._is_offline or self._is_any_absent

    @property
    def _is_any_absent(self) -> bool:
        return any(file.gone_since is not None for file in self._files.values())

    def update(self, seen: Survey) -> Tally:
        """Hand on what changed. While the mount is gone, everything waits for it."""
        tally = Tally()
        try:
            self._notice_absent(seen)
            # Of two that want one name, the one that lies higher up gets it.
            for path in sorted(seen.files, key=lambda path: (len(path.parts), path)):
                self._look_at(path, seen.files[path], tally)
            self._give_up_absent()
        except MountGoneError as error:
            if not self._is_offline:
                self._tell(Report(Kind.OFFLINE, f"{error}. What changes meanwhile is submitted then"))
            self._is_offline = True
            return tally
        if self._is_offline:
            self._tell(Report(Kind.ONLINE, f"{self._door.envs.mount} answers"))
        self._is_offline = self._is_first = False
        return tally

    def _look_at(self, path: Path, candidate: Candidate, tally: Tally) -> None:
        file = self._files.setdefault(path, _File())
        file.gone_since = None
        if file.signature == candidate.signature or (file.has_lost and self._is_any_absent):
            return
        try:
            content = read_whole(path)
        except FileNotFoundError:
            return  # gone since the survey; the next one knows
        except OSError as error:
            file.signature = candidate.signature
            self._refuse(path, file, f"{path}: {error.strerror}")
            return
        digest = hashlib.sha256(content).hexdigest()
        is_wanted = candidate.is_certain or bool(file.content_sha256) or looks_like_environment(content)
        if is_wanted and digest != file.content_sha256:
            is_taken = self._hand_on(path, file, content, tally)
            file.content_sha256 = digest if is_taken else ""
        file.signature = None if file.has_lost else candidate.signature

    def _hand_on(self, path: Path, file: _File, content: bytes, tally: Tally) -> bool:
        """Whether it is taken; `has_lost` says whether to come again with the same."""
        try:
            # What was there when the watching began may be older than what is in .specs; what comes later is not.
            taken = self._door.take(path, content, is_news=not self._is_first)
        except ConflictError as error:
            file.has_lost = True
            self._refuse(path, file, str(error))
            return False
        except UserError as error:
            file.has_lost = False
            self._refuse(path, file, str(error))
            return False
        file.said, file.has_lost = "", False
        self._say_taken(path, taken, tally)
        return taken.outcome is not Outcome.KEPT

    def _refuse(self, path: Path, file: _File, text: str) -> None:
        if text != file.said:
            file.said = text
            name = self._door.claims.name_of(path)
            shown = mask_in_place(text).rstrip()  # it may go to a log that others read
            self._tell(Report(Kind.REFUSED, f"refused: {shown}", name=name.text if name else "", file=str(path)))

    def _say_taken(self, path: Path, taken: Taken, tally: Tally) -> None:
        build = taken.build
        if build is None:
            return
        report = Report(Kind.SUBMITTED, f"submitted from {path}", build.name.text, str(path), str(build))
        if taken.outcome is Outcome.UNCHANGED:
            tally.unchanged += 1
        elif text := taken.why_kept(path):
            self._tell(Report(Kind.KEPT, text, report.name, report.file))
        else:
            tally.submitted.append(build)
            self._tell(report)

    def _notice_absent(self, seen: Survey) -> None:
        for path, file in self._files.items():
            # What is in a directory that cannot be read may well be there.
            is_visible = not any(path.is_relative_to(place) for place in seen.unreadable)
            if path not in seen.files and file.gone_since is None and is_visible:
                file.gone_since = self._clock()

    def _give_up_absent(self) -> None:
        for path, file in list(self._files.items()):
            if file.gone_since is not None and self._clock() - file.gone_since >= GRACE_SECONDS:
                self._give_up(path, file)
                del self._files[path]

    def _give_up(self, path: Path, file: _File) -> None:
        """A file is gone for good: renamed, removed, or out of sight with the directory that it was in."""
        name = self._door.claims.name_of(path)
        if name is None or self._door.claims.holder(name) is not None:
            return  # it described nothing, or another file describes that now
        if not self._retires or not self._was_removed(path, file):
            self._tell(Report(Kind.GONE, f"{path} is gone; the environment stays", name.text, str(path)))
            return
        try:
            self._door.retire(name)
        except NotFoundError:
            return  # somebody else retired it
        except UserError as error:
            self._tell(Report(Kind.REFUSED, f"{path} is gone, but {error}", name.text, str(path)))
            return
        self._tell(Report(Kind.RETIRED, f"retired, because {path} was removed", name.text, str(path)))

    def _was_removed(self, path: Path, file: _File) -> bool:
        """Not so when what is watched is itself not there, or when another file system is where it was."""
        root = next((root for root in self._roots if path.is_relative_to(root)), path)
        place = root.parent if root == path else root
        try:
            return file.signature is not None and place.stat().st_dev == file.signature.device
        except OSError:
            return False
