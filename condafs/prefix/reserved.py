"""Places that are condafs's own in a prefix: whatever a package put there goes before condafs writes.

A package could ship a link there, and what is written would land where the link points, with the daemon's rights.
"""

import os
import shutil
from pathlib import Path

from condafs.prefix.layout import OWN_DIRECTORY

_WRITTEN = ("conda-meta/history", "conda-meta/state", "conda-meta/condafs.lock", "bin/activate", "bin/activate.fish")


def clear_reserved(prefix: Path) -> None:
    """Remove what lies in condafs's own directory, and links where condafs writes files.

    Args:
        prefix: Installed and not sealed; `conda-meta` is a directory.
    """
    own = prefix / OWN_DIRECTORY
    if own.is_symlink() or own.is_file():
        own.unlink()
    elif own.is_dir():
        shutil.rmtree(own)
    for name in _WRITTEN:
        path = prefix / name
        # A link within the prefix is a package's own doing and harms nobody.
        if path.is_symlink() and not _is_within(prefix, path):
            path.unlink()


def _is_within(prefix: Path, path: Path) -> bool:
    return os.path.realpath(path).startswith(os.path.realpath(prefix) + "/")
