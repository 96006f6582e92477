"""Mending a build in place: every path is put back to what the build wrote down, or left as it is.

Content is taken only when its sum is right. A file comes into place by one rename, with its mode and time, so that
whoever has the old one open keeps it; what lies in the package cache is linked, so that it is shared again. Directories
get their times back in the end. What a kill leaves (a file that is called `.condafs-mend-…`, a directory that can be
written to) is extra, or has another mode, and the next mending puts that right.

Concurrency: one mender a build, which holds a lock (flock) on the prefix. Builders and removals of builds need none: a
removal begins with a rename, and everything here goes through the descriptor of the prefix.
"""

import fcntl
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from condafs.health.check import Examination
from condafs.health.contents import Candidate, Contents
from condafs.health.expected import NOT_KNOWN
from condafs.health.problem import Damage
from condafs.prefix.inventory import Entry
from condafs.prefix.layout import SUMS
from condafs.prefix.removal import remove_tree
from condafs.prefix.sums import hash_file

_DRAFT = ".condafs-mend-"
_WRITABLE = 0o222


@contextmanager
def only_mender(prefix_fd: int) -> Iterator[Path]:
    """Be the one who mends a build; waits for another. Gives a path to the prefix that no rename changes.

    Args:
        prefix_fd: Of the prefix, as `run_as_owner` gives it.
    """
    fd = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=prefix_fd)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield Path(f"/proc/self/fd/{fd}")
    finally:
        os.close(fd)


class Mender:
    """Mends one build.

    Args:
        place: The prefix, as `only_mender` gives it.
        examination: What is wrong.
        contents: Where files can come from.

    Attributes:
        removed: Paths that nobody had put there.
    """

    def __init__(self, place: Path, examination: Examination, contents: Contents) -> None:
        self._place = place
        self._entries: Mapping[str, Entry] = examination.expected.entries
        self._examination = examination
        self._contents = contents
        self._opened: set[str] = set()
        self.removed: list[str] = []

    def mend(self) -> None:
        """Do what can be done; another examination tells what could not.

        Raises:
            OSError: No room, or no right.
        """
        try:
            self._remove_what_is_wrong()
            for entry in self._to_make():
                self._make(entry)
            for problem in self._examination.report.problems:
                if problem.damage in (Damage.MODE, Damage.TIME):
                    self._put_back(self._entries[problem.path])
        finally:
            for path in sorted(self._opened & self._entries.keys(), reverse=True):
                self._put_back(self._entries[path])

    def _remove_what_is_wrong(self) -> None:
        for problem in self._examination.report.problems:
            if problem.damage in (Damage.EXTRA, Damage.KIND):
                self._open_parent(problem.path)
                _remove(self._place / problem.path)
                if problem.damage is Damage.EXTRA:
                    self.removed.append(problem.path)

    def _to_make(self) -> Iterator[Entry]:
        """What is missing or wrong: directories before what they hold, sources before bytecode, all before its sums."""
        wrong = {
            problem.path
            for problem in self._examination.report.problems
            if problem.damage in (Damage.CHANGED, Damage.UNREADABLE, Damage.TARGET, Damage.KIND)
        }
        chosen = [
            entry for path, entry in self._entries.items() if path in wrong or not os.path.lexists(self._place / path)
        ]
        return iter(sorted(chosen, key=lambda entry: (entry.path == SUMS, entry.path.endswith(".pyc"), entry.path)))

    def _make(self, entry: Entry) -> None:
        path = self._place / entry.path
        self._open_parent(entry.path)
        if entry.kind == "d":
            with suppress(FileExistsError):
                path.mkdir()
            self._opened.add(entry.path)
        elif entry.kind == "l":
            draft = _draft(path)
            draft.symlink_to(entry.target)
            _set_time(draft, entry)
            draft.replace(path)
        elif entry.sha256:
            self._make_file(entry, path)

    def _make_file(self, entry: Entry, path: Path) -> None:
        for candidate in self._contents.candidates(entry.path):
            draft = _draft(path)
            try:
                _write(draft, candidate, entry)
                if hash_file(str(draft)) != entry.sha256:
                    continue
                _set_mode(draft, entry)
                if entry.mtime_ns != NOT_KNOWN or draft.stat().st_nlink == 1:
                    _set_time(draft, entry if entry.mtime_ns != NOT_KNOWN else _with_time_of(path, entry))
                draft.replace(path)
            finally:
                draft.unlink(missing_ok=True)  # two names of one file: rename(2) leaves both
            return

    def _open_parent(self, path: str) -> None:
        """Let entries of a directory be changed; its mode and time are put back in the end."""
        parent = path.rpartition("/")[0] or "."
        if parent not in self._opened:
            self._opened.add(parent)
            with suppress(FileNotFoundError):
                place = self._place / parent
                place.chmod(place.stat().st_mode & 0o7777 | 0o700)

    def _put_back(self, entry: Entry) -> None:
        path = self._place / entry.path
        with suppress(FileNotFoundError):
            if entry.kind != "l":
                _set_mode(path, entry)
            _set_time(path, entry)


def _draft(path: Path) -> Path:
    return path.with_name(f"{_DRAFT}{secrets.token_hex(6)}")


def _write(draft: Path, candidate: Candidate, entry: Entry) -> None:
    """A link to a file, where that can be; its content is what was looked at."""
    if isinstance(candidate, bytes):
        draft.write_bytes(candidate)
        return
    if _may_share(candidate, entry):
        with suppress(OSError):  # another filesystem, or as many links as it can have
            os.link(candidate, draft, follow_symlinks=False)
            return
    shutil.copyfile(candidate, draft, follow_symlinks=False)


def _may_share(file: Path, entry: Entry) -> bool:
    """Whether a file can have the time and mode that this build wrote down. What was made anew in the cache since has
    others, and later builds that share it wrote those down: they would look damaged. Write bits they all take away.
    """  # noqa: D205 - one thought
    found = file.lstat()
    has_time = entry.mtime_ns in (NOT_KNOWN, found.st_mtime_ns)
    has_mode = entry.mode == NOT_KNOWN or (entry.mode ^ found.st_mode) & 0o7777 & ~_WRITABLE == 0
    return found.st_nlink == 1 or (has_time and has_mode)


def _set_mode(path: Path, entry: Entry) -> None:
    mode = entry.mode
    if mode == NOT_KNOWN:  # nobody writes to it
        mode = path.stat().st_mode & 0o7777 & ~_WRITABLE
    if path.stat().st_mode & 0o7777 != mode:
        path.chmod(mode)


def _set_time(path: Path, entry: Entry) -> None:
    if entry.mtime_ns != NOT_KNOWN and path.lstat().st_mtime_ns != entry.mtime_ns:
        os.utime(path, ns=(entry.mtime_ns, entry.mtime_ns), follow_symlinks=False)


def _with_time_of(path: Path, entry: Entry) -> Entry:
    """Where nobody wrote the time down, that of the damaged file is the best there is."""
    with suppress(FileNotFoundError):
        return replace(entry, mtime_ns=path.lstat().st_mtime_ns)
    return entry


def _remove(path: Path) -> None:
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    remove_tree(path)
