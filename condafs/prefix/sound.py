"""What an environment must not be when it is sealed: a way to other places for what is written into it.

Links out of the environment are legal in packages, and are left as they are: nothing here, in the inventory, in exports
or in verifying follows one. But where sealing itself writes, each directory on the way must be the environment's own.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from condafs.errors import UnsoundPrefixError
from condafs.prefix.layout import OWN_DIRECTORY
from condafs.prefix.records import PackageRecord, path_records

_WRITTEN = ("bin", "lib", "conda-meta", OWN_DIRECTORY)
"""Directories that sealing writes into, beside those of interpreters' libraries."""


def require_own_directories(prefix: Path) -> None:
    """Refuse directories that are links, where something is to be written.

    Raises:
        UnsoundPrefixError: naming the first.
    """
    for path in _directories(prefix):
        if path.is_symlink():
            msg = f"a package made {path.relative_to(prefix)} a link to {os.readlink(path)}; it must be a directory"  # noqa: PTH115
            raise UnsoundPrefixError(msg)


def require_own_paths(record: PackageRecord) -> None:
    """Refuse a package that lists files outside of the environment.

    Raises:
        UnsoundPrefixError: naming the first.
    """
    paths = path_records(record)
    names = [path["_path"] for path in paths] + [path["original_path"] for path in paths if path.get("original_path")]
    # Of 50,000 that a large environment has none is odd: they are asked all at once.
    together = "\0".join(["", *names])
    if "\0/" not in together and ".." not in together:
        return
    if outside := next((name for name in names if name[:1] == "/" or ".." in name.split("/")), None):
        msg = f"the package {record.get('name')} lists a file outside of the environment: {outside}"
        raise UnsoundPrefixError(msg)


def _directories(prefix: Path) -> Iterator[Path]:
    yield prefix
    for name in _WRITTEN:
        yield prefix / name
    # A second name of a library directory that is the environment's own (lib/python3.1 -> python3.12) is nothing bad.
    for library in (prefix / "lib").glob("python*"):
        if not _is_within(prefix, library):
            yield library
        yield library / "site-packages"


def _is_within(prefix: Path, path: Path) -> bool:
    return os.path.realpath(path).startswith(os.path.realpath(prefix) + "/")
