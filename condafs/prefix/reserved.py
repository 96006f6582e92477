"""Places that are condafs's own in a prefix: whatever a package put there goes before condafs writes.

A package could ship a link there, and what is written would land where the link points, with the daemon's rights.
"""

import os
from pathlib import Path

from condafs.prefix.layout import OWN_DIRECTORY
from condafs.prefix.removal import remove_tree

_OURS = (OWN_DIRECTORY, "conda-meta/history", "conda-meta/state", "conda-meta/condafs.lock")
"""What lies there is of no use to anybody; and it may be one more name of a file of the package cache."""

_SHARED = ("bin/activate", "bin/activate.fish")
"""Packages may bring their own."""


def clear_reserved(prefix: Path) -> None:
    """Remove what lies where condafs writes, and links out of the prefix where it may write.

    Args:
        prefix: Installed and not sealed; `conda-meta` is a directory.
    """
    for name in _OURS:
        path = prefix / name
        if path.is_dir() and not path.is_symlink():
            remove_tree(path)
        else:
            path.unlink(missing_ok=True)
    for name in _SHARED:
        path = prefix / name
        # A link within the prefix is a package's own doing and harms nobody.
        if path.is_symlink() and not _is_within(prefix, path):
            path.unlink()


def _is_within(prefix: Path, path: Path) -> bool:
    return os.path.realpath(path).startswith(os.path.realpath(prefix) + "/")
