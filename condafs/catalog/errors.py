"""What is said when a catalog cannot be used: LMDB's errors in our own words, and what to do about a damaged one."""

from pathlib import Path

import lmdb

from condafs.catalog.files import FULL
from condafs.errors import CatalogError, DiskFullError

_DAMAGE = (
    lmdb.CorruptedError,
    lmdb.PageNotFoundError,
    lmdb.InvalidError,
    lmdb.VersionMismatchError,
    lmdb.PanicError,
    lmdb.IncompatibleError,
    lmdb.NotFoundError,
)
"""What LMDB says of a file that is not as it wrote it."""


def translate(error: Exception, path: Path, *, is_full: bool = False) -> CatalogError | DiskFullError:
    """The error in our own words.

    Args:
        error: LMDB's, the system's, or one of ours, which stays as it is.
        path: Directory of the catalog.
        is_full: Whether it is known that there is no room, which LMDB may report as something else.
    """
    if isinstance(error, CatalogError | DiskFullError):
        return error
    number = error.errno if isinstance(error, OSError) else getattr(error, "code", 0)
    if is_full or number in FULL or isinstance(error, lmdb.DiskError):
        return DiskFullError(f"no room left for the catalog {path}: nothing was changed. Make room and try again")
    if isinstance(error, OSError):
        return CatalogError(f"the catalog {path} cannot be used: {error.strerror}")
    if isinstance(error, _DAMAGE):
        return CatalogError(damaged_text(path, str(error)))
    return CatalogError(f"the catalog {path} cannot be used: {error}")


def damaged_text(path: Path, why: str) -> str:
    """What is said of a damaged catalog, and what to do."""
    return f"the catalog {path} cannot be used, it is damaged: {why}. {rebuild_advice(path)}"


def rebuild_advice(path: Path) -> str:
    """What to do about a catalog that is lost or damaged; `path` is its directory."""
    command = f"condafs doctor --rebuild-catalog --state {path.parent}"
    return f"Make a new one from what is on the disk: {command} (builds are not touched)"
