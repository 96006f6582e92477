"""Sealing: from a finished installation to a build that nobody changes any more, and its removal one day.

Files are hard links into the package cache, so taking their write bits takes them from the cache's files as well.
That is meant: a write through one environment would change every other. It also means that the second environment
made of the same packages finds nothing left to do.
"""

import os
import secrets
import stat
from pathlib import Path

from condafs.prefix.contents import write_packages
from condafs.prefix.externally_managed import refuse_installers
from condafs.prefix.inventory import begin_walk, write_inventory
from condafs.prefix.layout import OWN_DIRECTORY
from condafs.prefix.originals import keep_originals
from condafs.prefix.pinning import pin_interpreters
from condafs.prefix.records import EarlyRecords, read_records
from condafs.prefix.sound import require_own_directories, require_own_paths
from condafs.prefix.walk import DROPPED, Sums, walk

_TRASH = ".trash-"
_LONGEST_KEPT_NAME = 200
"""Characters of a removed directory's name that its trash name repeats; 255 bytes are the most a name may have."""


def seal(prefix: Path, early: EarlyRecords | None = None) -> Sums:
    """Do it all, in one walk: pin, keep originals, list packages, turn installers away, take write bits, take stock.

    Everything that belongs into the environment is there already, `bin/activate` included. `Disk.sync` and
    `write_marker` come after it. A prefix whose sealing was interrupted is removed and made again.

    Args:
        prefix: Absolute path that the environment keeps.
        early: Records that were read already.

    Returns:
        The sums of the inventory.

    Raises:
        UnsoundPrefixError: Packages made something of it that cannot be sealed.
    """
    require_own_directories(prefix)
    pin_interpreters(prefix)
    refuse_installers(prefix)
    under_way = begin_walk(prefix, read_only=True)
    records = early.finish() if early else read_records(prefix)
    require_own_paths(records)
    keep_originals(prefix, records)
    write_packages(prefix, records)
    inventory = write_inventory(prefix, under_way)
    make_read_only(prefix / OWN_DIRECTORY)
    _close(prefix)
    return inventory


def make_read_only(top: Path) -> None:
    """Take write bits, setuid and setgid from a directory and all that it holds; links are left alone."""
    walk(top, read_only=True)
    _close(top)


def remove_prefix(path: Path) -> None:
    """Remove a build, sealed or half made; nothing happens when there is none.

    The name goes first, by one rename, so that nobody sees half a build under it. A crash after that leaves a
    directory that `is_trash` tells; removing that one again by this function finishes the work.

    Args:
        path: A directory; a link or file of that name is removed as such.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(mode):
        path.unlink()
        return
    if not is_trash(path.name):
        aside = path.with_name(f".{path.name[:_LONGEST_KEPT_NAME]}{_TRASH}{secrets.token_hex(4)}")
        path.rename(aside)
        path = aside
    parent = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _remove_tree(path.name, parent)
    finally:
        os.close(parent)


def is_trash(name: str) -> bool:
    """Whether a directory of that name is what an interrupted `remove_prefix` left."""
    return name.startswith(".") and _TRASH in name


def _close(directory: Path) -> None:
    directory.chmod(stat.S_IMODE(directory.stat().st_mode) & ~DROPPED)


def _remove_tree(name: str, parent: int) -> None:
    """Remove a directory by file descriptors: a link planted in it meanwhile is removed, never followed."""
    fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=parent)
    try:
        if os.fstat(fd).st_mode & stat.S_IRWXU != stat.S_IRWXU:
            os.fchmod(fd, 0o700)  # sealed directories let nobody but root remove what they hold
        with os.scandir(fd) as listing:
            entries = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in listing]
        for child, is_directory in entries:
            if is_directory:
                _remove_tree(child, fd)
            else:
                os.unlink(child, dir_fd=fd)
    finally:
        os.close(fd)
    os.rmdir(name, dir_fd=parent)
