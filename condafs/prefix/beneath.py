"""Directories below a place that packages had a hand in: opened name by name, and no link is followed on the way.

A path that was looked at may lead elsewhere a moment later, while scripts and compilers run. An open directory stays
what it is, so what is made, linked and unlinked in it is nowhere else.
"""

import errno
import itertools
import os
import stat
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from condafs.errors import UnsoundPrefixError
from condafs.prefix.removal import open_directory

_COPY_BYTES = 1 << 24
_REMEDY = "require another build of the package that has it"

_MOST_OPEN = 32
"""Directories on the way to one that stay open: packages may have deeper ones than there are descriptors."""


class Beneath:
    """Opens directories below a base, neighbours from where their ways part; a context manager.

    Args:
        prefix: An environment; its maker's own directory.
        base: The directory in it, relative, that all others are below; made when it is not there.

    Raises:
        UnsoundPrefixError: Something on the way there is no directory.
    """

    def __init__(self, prefix: Path, base: str) -> None:
        self._base_path = base
        top = os.open(prefix, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            self._fds = [_descend(top, "", base)]
            """Of the base, and of what those names lead to."""
        finally:
            os.close(top)
        self._names: list[str] = []
        self._deep: int | None = None
        """Of a directory that is deeper than what stays open."""

    def open(self, directory: str) -> int:
        """Open a directory, and make it when it is not there.

        Args:
            directory: Relative to the base; "" for that.

        Returns:
            A descriptor that is good until the next call.

        Raises:
            UnsoundPrefixError: Something on the way there is no directory, or leads out.
        """
        names = _names(directory)
        self._close_all_but(_common(names, self._names))
        for name in names[len(self._names) : _MOST_OPEN]:
            self._fds.append(_step(self._fds[-1], name, self._way(name)))
            self._names.append(name)
        if len(names) <= _MOST_OPEN:
            return self._fds[-1]
        self._deep = _descend(self._fds[-1], self._way(), "/".join(names[_MOST_OPEN:]))
        return self._deep

    def _way(self, *more: str) -> str:
        return "/".join([self._base_path, *self._names, *more]).lstrip("/")

    def _close_all_but(self, count: int) -> None:
        """Of the names; the base stays open."""
        closed = self._fds[count + 1 :]
        if self._deep is not None:
            closed.append(self._deep)
        self._names, self._fds, self._deep = self._names[:count], self._fds[: count + 1], None
        for fd in closed:
            os.close(fd)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._close_all_but(0)
        os.close(self._fds[0])


def _descend(top: int, place: str, path: str) -> int:
    """Open what is at `path` below an open directory, which is itself at `place`; what is not there is made."""
    fd = os.dup(top)
    try:
        way = place
        for name in _names(path):
            way = f"{way}/{name}".lstrip("/")
            below = _step(fd, name, way)
            os.close(fd)
            fd = below
    except BaseException:
        os.close(fd)
        raise
    return fd


def _names(path: str) -> list[str]:
    return [name for name in path.split("/") if name not in {"", "."}]


def _common(these: list[str], those: list[str]) -> int:
    """How many names they begin with alike."""
    pairs = zip(these, those, strict=False)
    return sum(1 for _ in itertools.takewhile(lambda pair: pair[0] == pair[1], pairs))


def _step(parent: int, name: str, way: str) -> int:
    if name == "..":
        msg = f"a package has modules outside of the environment, at {way}; {_REMEDY}"
        raise UnsoundPrefixError(msg)
    try:
        try:
            return open_directory(name, parent)
        except FileNotFoundError:
            with suppress(FileExistsError):  # somebody was faster
                os.mkdir(name, dir_fd=parent)
            return open_directory(name, parent)
    except OSError as error:
        if error.errno not in (errno.ENOTDIR, errno.ELOOP):
            raise
        msg = f"a package made {way} {_name_of(parent, name)}, where modules need a directory; {_REMEDY}"
        raise UnsoundPrefixError(msg) from None


def _name_of(parent: int, name: str) -> str:
    with suppress(OSError):
        return f"a link to {os.readlink(name, dir_fd=parent)}"
    return "something else"


def remove_file(directory: int, name: str) -> None:
    """Remove a file, or a link, from an open directory; nothing happens when there is none.

    Raises:
        UnsoundPrefixError: A directory has that name.
    """
    try:
        os.unlink(name, dir_fd=directory)
    except FileNotFoundError:
        return
    except IsADirectoryError:
        msg = f"a package made {name} a directory, where bytecode needs a file; {_REMEDY}"
        raise UnsoundPrefixError(msg) from None


def link_or_copy(source: int, name: str, directory: int, new_name: str) -> bool:
    """Link a file from one open directory into another; copy it where that cannot be.

    Returns:
        Whether there was nothing of that name before; what is there stays.

    Raises:
        FileNotFoundError: There is no such file.
    """
    try:
        os.link(name, new_name, src_dir_fd=source, dst_dir_fd=directory, follow_symlinks=False)
    except FileExistsError:
        return False
    except FileNotFoundError:
        raise
    except OSError:  # another filesystem, or as many links as it can have
        return _copy(source, name, directory, new_name)
    return True


def _copy(source: int, name: str, directory: int, new_name: str) -> bool:
    original = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=source)
    try:
        found = os.fstat(original)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        try:
            copy = os.open(new_name, flags, 0o600, dir_fd=directory)
        except FileExistsError:
            return False
        try:
            while os.sendfile(copy, original, None, _COPY_BYTES):
                pass
            os.fchmod(copy, stat.S_IMODE(found.st_mode))
            os.utime(copy, ns=(found.st_atime_ns, found.st_mtime_ns))
        finally:
            os.close(copy)
    finally:
        os.close(original)
    return True
