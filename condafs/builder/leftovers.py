"""What killed builders leave in the package cache, and how it is known that nobody needs it.

rattler extracts into `pkgs/.<name>XXXXXX` and renames; drafts are in `.drafts`. A killed builder
leaves such directories, and nothing in them says whose they are. So each builder holds a shared lock (flock(2)) on
`packages/.builders` while it lives; who gets it exclusively knows that nobody builds, and sweeps. The kernel releases
locks of the dead.
"""

import fcntl
import os
from pathlib import Path

from condafs.prefix.removal import remove_if_possible

LOCK = ".builders"


def join_builders(packages: Path) -> None:
    """Sweep if nobody else builds, then count as a builder until this process ends.

    Args:
        packages: The package cache; made when it is not there.
    """
    fd = _open(packages)
    _sweep_if_alone(fd, packages)
    fcntl.flock(fd, fcntl.LOCK_SH)  # replaces the exclusive lock; what another one sweeps in between is not ours yet


def sweep_leftovers(packages: Path) -> bool:
    """Sweep if nobody builds; returns whether it could be done."""
    if not packages.is_dir():
        return False
    fd = _open(packages)
    try:
        return _sweep_if_alone(fd, packages)
    finally:
        os.close(fd)


def _open(packages: Path) -> int:
    packages.mkdir(parents=True, exist_ok=True)
    return os.open(packages / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)


def _sweep_if_alone(fd: int, packages: Path) -> bool:
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    for path in (*packages.glob("pkgs/.*"), *packages.glob(".drafts/*")):
        if path.is_dir() and not path.is_symlink():
            remove_if_possible(path)
    return True
