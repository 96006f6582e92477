"""What everybody may read of a place that somebody named for whom others build: file by file, and only that.

Who builds for others may read more than they: root owns what only root may read, the service's user its credentials,
and whoever lets others into a mount their own home. With the right to read a directory a program of theirs would get
all that is below. So it gets each file there that everybody may read and reach, and may list a directory when
everybody may list all of those below it. What appears there later it does not get.

What is looked at and what is granted are the same open file, so nothing that is moved, or linked, meanwhile makes a
difference.
"""

import os
import stat
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

MOST_ENTRIES = 20_000
"""Of all that was named; more take longer than anybody should wait (measured on a busy machine: 1 s for as many)."""

DEEPEST = 64
"""Directories below one another; two descriptors are open for each."""

_NAMING = os.O_PATH | os.O_CLOEXEC
_LISTING = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_MOST_ABOVE = 2048
"""Directories above one another: a path has no more (PATH_MAX). What was unmounted may have no end."""

_HIDDEN = "it is not there, or not everybody may read it"
"""Which of the two, is not for everybody to know."""

Take = Callable[[int], None]


def look_for_public(paths: Iterable[Path], known: Sequence[Path], take: Take = lambda _: None) -> dict[Path, str]:
    """Find what everybody may read.

    Args:
        paths: What was named.
        known: Real paths below which everything may be read anyhow; there nothing is looked for.
        take: Called with a descriptor (O_PATH), good for as long as the call, of each file and of each directory that
            was named, if all of it may be listed.

    Returns:
        Those of the paths that have more than that, or less than was named, and why it is kept.
    """
    search = _Search(known, take)
    problems = {path: search.look(path) for path in paths}
    return {path: problem for path, problem in problems.items() if problem}


def _is_reached(file: int, place: Path) -> bool:
    """Whether everybody may pass through all directories above a file."""
    parent = os.open(place.parent, _NAMING | os.O_DIRECTORY)
    try:
        named = os.stat(place.name, dir_fd=parent, follow_symlinks=False)
        return os.path.samestat(named, os.fstat(file)) and _is_passable(parent)
    finally:
        os.close(parent)


def _is_passable(directory: int) -> bool:
    """Whether everybody may pass through this directory and all above."""
    here = os.dup(directory)
    try:
        for _ in range(_MOST_ABOVE):
            if not os.fstat(here).st_mode & stat.S_IXOTH:
                return False
            if _place_of(here) == Path("/"):
                return True
            above = os.open("..", _NAMING | os.O_DIRECTORY, dir_fd=here)
            os.close(here)
            here = above
        return False
    finally:
        os.close(here)


class _Search:
    def __init__(self, known: Sequence[Path], take: Take) -> None:
        self._known = known
        self._take = take
        self._left = MOST_ENTRIES

    def look(self, path: Path) -> str:
        """At what was named; returns why it is kept, or some of it."""
        try:
            fd = os.open(path, _NAMING)
        except OSError:
            return _HIDDEN
        try:
            return self._look(fd)
        except OSError:
            return _HIDDEN
        finally:
            os.close(fd)

    def _look(self, fd: int) -> str:
        place, mode = _place_of(fd), os.fstat(fd).st_mode
        if any(place.is_relative_to(top) for top in self._known):
            return ""
        if stat.S_ISDIR(mode) and _is_open(mode) and _is_passable(fd):
            problem = self._go_below(fd, DEEPEST)
        elif stat.S_ISREG(mode) and mode & stat.S_IROTH and _is_reached(fd, place):
            problem = ""
        else:
            problem = _HIDDEN
        if not problem:
            self._take(fd)
        return problem

    def _go_below(self, directory: int, deepest: int) -> str:
        """Take files; returns why the directory may not be listed."""
        problem = ""
        listing = os.open(".", _LISTING, dir_fd=directory)
        try:
            with os.scandir(listing) as entries:
                for entry in entries:
                    if not self._left:
                        return f"there are more than {MOST_ENTRIES} files: name what is needed of them"
                    self._left -= 1
                    problem = self._look_at(directory, entry.name, deepest) or problem
        finally:
            os.close(listing)
        return problem

    def _look_at(self, directory: int, name: str, deepest: int) -> str:
        try:
            fd = os.open(name, _NAMING | os.O_NOFOLLOW, dir_fd=directory)
        except FileNotFoundError:
            return ""
        try:
            mode = os.fstat(fd).st_mode
            if stat.S_ISREG(mode) and mode & stat.S_IROTH:
                self._take(fd)
            return self._enter(fd, deepest, is_open=_is_open(mode)) if stat.S_ISDIR(mode) else ""
        finally:
            os.close(fd)

    def _enter(self, directory: int, deepest: int, *, is_open: bool) -> str:
        if not is_open:  # it matters when we may, as the owner: whoever may list what is above could list it
            return f"not everybody may look into {_place_of(directory)}" if _can_list(directory) else ""
        if not deepest:
            return f"{_place_of(directory)} is too deep"
        return self._go_below(directory, deepest - 1)


def _is_open(mode: int) -> bool:
    """Whether everybody may list a directory and pass through it."""
    return mode & (stat.S_IROTH | stat.S_IXOTH) == stat.S_IROTH | stat.S_IXOTH


def _can_list(directory: int) -> bool:
    try:
        os.close(os.open(".", _LISTING, dir_fd=directory))
    except PermissionError:
        return False
    return True


def _place_of(fd: int) -> Path:
    return Path(os.readlink(f"/proc/self/fd/{fd}"))  # noqa: PTH115 - of a descriptor
