"""The marker: `conda-meta/condafs/build.json`, renamed into place last; its presence says that the prefix is complete.

A crash before the rename leaves a prefix without it, which the daemon removes and builds again; a crash after it
leaves a complete build that only the catalog does not know yet.
"""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

from condafs.names import BuildName
from condafs.prefix.layout import MARKER


@dataclass(frozen=True, slots=True)
class Marker:
    """What a build says of itself.

    Attributes:
        build: `<digest>-<name>`.
        specification: The canonical JSON text that the digest is of.
        lock_sha256: SHA-256 of conda-meta/condafs.lock.
        finished: Unix seconds.
        sandbox: Level of the cage that it was built in; "" when nobody said.
    """

    build: str
    specification: str
    lock_sha256: str = ""
    finished: float = 0
    sandbox: str = ""


def write_marker(  # noqa: PLR0913 - most of them by keyword
    prefix: Path,
    build: BuildName,
    specification: str,
    *,
    lock_sha256: str = "",
    finished: float = 0,
    sandbox: str = "",
) -> Marker:
    """Say that the prefix is complete; the marker is on disk when this returns.

    Args:
        prefix: Sealed and synced.
        build: What it is.
        specification: Canonical JSON text.
        lock_sha256: Of conda-meta/condafs.lock.
        finished: Unix seconds.
        sandbox: Level of the cage that it was built in.

    Returns:
        What was written.
    """
    marker = Marker(str(build), specification, lock_sha256, finished, sandbox)
    path = prefix / MARKER
    directory = path.parent
    mode = directory.stat().st_mode & 0o7777
    directory.chmod(mode | 0o200)  # sealed
    try:
        fresh = path.with_name(f".{path.name}")
        fresh.unlink(missing_ok=True)
        with fresh.open("w", encoding="utf-8") as file:
            json.dump(asdict(marker), file)
            os.fchmod(file.fileno(), 0o444)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        directory.chmod(mode)
    _sync(directory)
    return marker


def read_marker(prefix: Path) -> Marker | None:
    """What the build says of itself; None when it was never finished."""
    try:
        document = json.loads((prefix / MARKER).read_bytes())
    except (FileNotFoundError, NotADirectoryError):
        return None
    return Marker(**document)


def _sync(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
