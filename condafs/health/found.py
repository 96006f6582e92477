"""What stands in a prefix, looked at without following anything: one object a path."""

import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from condafs.health.problem import Damage, Problem

Inode: TypeAlias = tuple[int, int, int, int]
"""Device, inode, time of change, size: the same file with the same content, as far as stat(2) tells."""

_LETTERS = {stat.S_IFDIR: "d", stat.S_IFREG: "f", stat.S_IFLNK: "l"}
OTHER = "o"
"""Kind of a socket, pipe or device."""


@dataclass(frozen=True, slots=True)
class Found:
    """One path.

    Attributes:
        kind: `d` directory, `f` file, `l` link, `o` anything else.
        mode: Permission bits.
    """

    kind: str
    size_bytes: int
    mtime_ns: int
    mode: int
    target: str
    inode: Inode


def look_around(top: Path, on_directory: Callable[[], None] = lambda: None) -> tuple[dict[str, Found], list[Problem]]:
    """Everything below a directory by relative path, `.` for itself; and what could not be looked at.

    Args:
        top: Where to begin.
        on_directory: Called for each directory.
    """
    found = {".": _describe(os.lstat(top), "")}
    problems: list[Problem] = []
    pending = [""]
    while pending:
        parent = pending.pop()
        on_directory()
        try:
            with os.scandir(f"{top}/{parent}") as listing:
                for entry in listing:
                    path = f"{parent}{entry.name}"
                    found[path] = item = _describe(
                        entry.stat(follow_symlinks=False), entry.path if entry.is_symlink() else ""
                    )
                    if item.kind == "d":
                        pending.append(f"{path}/")
        except OSError as error:
            problems.append(Problem(parent.rstrip("/") or ".", Damage.UNREADABLE, error.strerror or str(error)))
    return found, problems


def _describe(status: os.stat_result, link: str) -> Found:
    mode = status.st_mode
    kind = _LETTERS.get(stat.S_IFMT(mode), OTHER)
    inode = (status.st_dev, status.st_ino, status.st_ctime_ns, status.st_size)
    target = os.readlink(link) if link else ""  # noqa: PTH115 - text, as the inventory has it
    return Found(kind, status.st_size, status.st_mtime_ns, stat.S_IMODE(mode), target, inode)
