"""One pass over a prefix: what is there, and (in the same pass) nothing writable left of it.

Rows keep one order: a directory stands before what it holds, the children of a directory stand together, by name.
Rows are kept as columns, because an environment has some 40,000 of them and each Python object of its own costs more
than the system call that fills it.
"""

import os
import stat
from dataclasses import dataclass, field
from operator import attrgetter
from pathlib import Path

TOP = 0xFFFFFFFF
"""Parent of what lies in the prefix itself."""

DIRECTORY, FILE, EXECUTABLE, LINK = b"dfxl"
_ENTERED = frozenset({DIRECTORY, EXECUTABLE})

DROPPED = 0o6222
"""Nobody writes to a build (0222), and nothing in it may lend its owner's rights (setuid, setgid: 6000)."""

_READABLE = 0o444
"""Everybody reads an environment; rattler writes some files for the daemon alone."""

_NUMBERS = attrgetter("st_mode", "st_size", "st_mtime_ns", "st_nlink")
_NAME = attrgetter("name")


@dataclass(slots=True)
class Columns:
    """The rows of a walk, by column; `targets` has one entry for each link, in order of the rows.

    Attributes:
        own_bytes: Bytes of files with one name, and of directories: what the package cache does not hold anyway.
    """

    kinds: bytearray = field(default_factory=bytearray)
    parents: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    mtimes_ns: list[int] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    own_bytes: int = 0


def walk(top: Path, *, skip: str = "", read_only: bool = False) -> Columns:
    """Walk a tree without following links; sockets, pipes and devices are passed over.

    Args:
        top: Directory to begin with; not a row itself.
        skip: Relative path of a directory that is left out with all that it holds.
        read_only: Take the write bits, setuid and setgid from everything that still has them, and let everybody read,
            `top` and `skip` apart.

    Returns:
        The rows.
    """
    columns = Columns()
    pending = [(TOP, "")]
    while pending:
        parent, relative = pending.pop()
        fd = os.open(f"{top}/{relative}", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            directories = _read_directory(columns, fd, parent, relative, skip=skip, read_only=read_only)
        finally:
            os.close(fd)
        pending += reversed(directories)
    return columns


def _read_directory(  # noqa: PLR0913 - the loop of the sealing: one call a file would double its time
    columns: Columns, fd: int, parent: int, relative: str, *, skip: str, read_only: bool
) -> list[tuple[int, str]]:
    """Add the rows of one directory; return (row, path) of those that are directories themselves.

    Calls relative to `fd` spare the kernel the way down a long path each time.
    """
    begin = f"{relative}/" if relative else ""
    directories = []
    with os.scandir(fd) as listing:
        entries = sorted(listing, key=_NAME)
    for entry in entries:
        name = entry.name
        path = begin + name
        mode, size, mtime_ns, link_count = _NUMBERS(entry.stat(follow_symlinks=False))
        kind = stat.S_IFMT(mode)
        if kind == stat.S_IFREG:
            row_kind = EXECUTABLE if mode & stat.S_IXUSR else FILE
            if link_count == 1:
                columns.own_bytes += size
        elif kind == stat.S_IFDIR and path != skip:
            row_kind = DIRECTORY
            directories.append((len(columns.paths), path))
            columns.own_bytes += size
            size = 0
        elif kind == stat.S_IFLNK:
            row_kind = LINK
            columns.targets.append(os.readlink(name, dir_fd=fd))
        else:
            continue
        if read_only and row_kind != LINK:
            sealed = mode & ~DROPPED | _READABLE | (0o111 if row_kind in _ENTERED else 0)
            if sealed != mode:
                os.chmod(name, sealed & 0o7777, dir_fd=fd)
        columns.kinds.append(row_kind)
        columns.parents.append(parent)
        columns.sizes.append(size)
        columns.mtimes_ns.append(mtime_ns)
        columns.names.append(name)
        columns.paths.append(path)
    return directories
