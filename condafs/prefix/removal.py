"""Trees that packages had a hand in, gone through and removed: however deep, and whatever they put there meanwhile.

All but listing is done by descriptors, so no link is followed and no path is too long. One directory is open at a
time and nothing calls itself, so a tree may be deeper than there are descriptors, or frames of Python
(`shutil.rmtree` of 3.11 has one of each for a level). The way up is `..`, which must be the directory that was left.
"""

import errno
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_FLAGS = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class _Level:
    """A directory on the way down: its name, which one it is, what is below it and was not visited yet."""

    name: str
    identity: tuple[int, int]
    pending: list[str]


def remove_tree(path: Path) -> None:
    """Remove a directory and all that it holds, sealed or not; links in it are removed, never followed.

    Args:
        path: A directory, no link.

    Raises:
        OSError: Something cannot be removed.
    """
    parent = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        top = _open_for_removal(path.name, parent)
        try:
            visit_tree(top, _unlink_files, _open_for_removal, lambda fd, name: os.rmdir(name, dir_fd=fd))
        finally:
            os.close(top)
        os.rmdir(path.name, dir_fd=parent)
    finally:
        os.close(parent)


def remove_if_possible(path: Path) -> None:
    """The same for what may be gone already, and may stay when it must: somebody sweeps it later."""
    with suppress(OSError):
        remove_tree(path)


def visit_tree(
    top: int,
    look: Callable[[int], list[str]],
    enter: Callable[[str, int], int],
    leave: Callable[[int, str], None] = lambda _fd, _name: None,
) -> None:
    """Go through a tree, a directory before what it holds.

    Args:
        top: An open directory; stays open.
        look: Told of each directory; returns the names of those in it that are to be visited.
        enter: Opens one of them, by its name and its open parent.
        leave: Told that all below a directory was visited, by its open parent and its name.

    Raises:
        OSError: A directory was moved meanwhile, or what is passed raises it.
    """
    fd = os.dup(top)
    try:
        way = [_Level("", _identity(fd), look(fd))]
        while True:
            if way[-1].pending:
                name = way[-1].pending.pop()
                below = enter(name, fd)
                try:
                    level = _Level(name, _identity(below), look(below))
                except BaseException:
                    os.close(below)
                    raise
                if level.pending:
                    os.close(fd)
                    fd = below
                    way.append(level)
                else:  # most of them: nobody has to find the way back
                    os.close(below)
                    leave(fd, name)
            elif len(way) > 1:
                above = os.open("..", _FLAGS, dir_fd=fd)
                os.close(fd)
                fd = above
                name = way.pop().name
                if _identity(fd) != way[-1].identity:
                    raise OSError(errno.ESTALE, "the directory was moved while somebody was in it", name)
                leave(fd, name)
            else:
                return
    finally:
        os.close(fd)


def list_tree(top: str) -> Iterator[tuple[str, list[str]]]:
    """Directories and the names of what else is in them; nothing of what is too deep for a path to name it.

    os.walk and Path.rglob call themselves for each level (Python 3.11), and packages make as many as they like.
    """
    pending = [top]
    while pending:
        directory = pending.pop()
        names = []
        try:
            with os.scandir(directory) as listing:
                for entry in listing:
                    if entry.is_dir(follow_symlinks=False):
                        pending.append(f"{directory.removesuffix('/')}/{entry.name}")
                    else:
                        names.append(entry.name)
        except OSError:
            continue
        yield directory, names


def open_directory(name: str, parent: int) -> int:
    """Open a directory in another one; OSError when it is none, or a link."""
    return os.open(name, _FLAGS, dir_fd=parent)


def _identity(fd: int) -> tuple[int, int]:
    found = os.fstat(fd)
    return found.st_dev, found.st_ino


def _open_for_removal(name: str, parent: int) -> int:
    try:
        fd = open_directory(name, parent)
    except PermissionError:
        fd = _open_unreadable(name, parent)
    if os.fstat(fd).st_mode & stat.S_IRWXU != stat.S_IRWXU:
        try:
            os.fchmod(fd, 0o700)  # sealed directories let nobody but root remove what they hold
        except OSError:
            os.close(fd)
            raise
    return fd


def _open_unreadable(name: str, parent: int) -> int:
    """Its owner may change that; a descriptor that only names it says which one it is."""
    named = os.open(name, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
    try:
        os.chmod(f"/proc/self/fd/{named}", 0o700)  # noqa: PTH101 - of a descriptor; fchmod refuses one that only names
        return os.open(f"/proc/self/fd/{named}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    finally:
        os.close(named)


def _unlink_files(fd: int) -> list[str]:
    with os.scandir(fd) as listing:
        entries = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in listing]
    for name, is_directory in entries:
        if not is_directory:
            os.unlink(name, dir_fd=fd)
    return [name for name, is_directory in entries if is_directory]
