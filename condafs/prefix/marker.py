"""The marker: `conda-meta/condafs/build.json`, renamed into place last; its presence says that the prefix is complete.

Its last key, `check`, is the SHA-256 of the text without it, so that the marker can be trusted with what it says of
everything else.

A crash before the rename leaves a prefix without it, which the daemon removes and builds again; a crash after it
leaves a complete build that only the catalog does not know yet.
"""

import hashlib
import json
import os
from dataclasses import asdict, dataclass, fields
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
        sums_sha256: SHA-256 of conda-meta/condafs/sums; "" of builds that were made before there was one.
        sandbox: Level of the cage that it was built in; "" when nobody said.
    """

    build: str
    specification: str
    lock_sha256: str = ""
    finished: float = 0
    sums_sha256: str = ""
    sandbox: str = ""


_CHECK = ', "check": "'
_KEYS = tuple(item.name for item in fields(Marker))


def write_marker(  # noqa: PLR0913 - all by keyword
    prefix: Path,
    build: BuildName,
    specification: str,
    *,
    lock_sha256: str = "",
    finished: float = 0,
    sums_sha256: str = "",
    sandbox: str = "",
) -> Marker:
    """Say that the prefix is complete; the marker is on disk when this returns.

    Args:
        prefix: Sealed and synced.
        build: What it is.
        specification: Canonical JSON text.
        lock_sha256: Of conda-meta/condafs.lock.
        finished: Unix seconds.
        sums_sha256: Of conda-meta/condafs/sums.
        sandbox: Level of the cage that it was built in.

    Returns:
        What was written.
    """
    marker = Marker(str(build), specification, lock_sha256, finished, sums_sha256, sandbox)
    path = prefix / MARKER
    directory = path.parent
    mode = directory.stat().st_mode & 0o7777
    directory.chmod(mode | 0o200)  # sealed
    try:
        fresh = path.with_name(f".{path.name}")
        fresh.unlink(missing_ok=True)
        with fresh.open("w", encoding="utf-8") as file:
            file.write(_encode(marker))
            os.fchmod(file.fileno(), 0o444)
            file.flush()
            os.fsync(file.fileno())
        fresh.replace(path)
    finally:
        directory.chmod(mode)
    _sync(directory)
    return marker


def read_marker(prefix: Path) -> Marker | None:
    """What the build says of itself; None when it was never finished.

    Raises:
        ValueError: The marker is damaged.
    """
    try:
        text = (prefix / MARKER).read_text(encoding="utf-8")
    except (FileNotFoundError, NotADirectoryError):
        return None
    return _decode(text)


def is_finished(prefix: Path) -> bool:
    """Whether there is a marker, sound or not."""
    return (prefix / MARKER).is_file()


def _encode(marker: Marker) -> str:
    text = json.dumps(asdict(marker))
    return f'{text[:-1]}{_CHECK}{_sum(text)}"}}'


def _decode(text: str) -> Marker:
    """The inverse. What a newer program added is left out; markers of before `check` are believed."""
    body, separator, check = text.rpartition(_CHECK)
    if separator and check != f'{_sum(body + "}")}"}}':
        raise _damaged()
    document = json.loads(text)
    if not isinstance(document, dict) or (not separator and document.get("sums_sha256")):
        raise _damaged()
    try:
        return Marker(**{key: document[key] for key in _KEYS if key in document})
    except TypeError:
        raise _damaged() from None


def _damaged() -> ValueError:
    return ValueError("the marker is damaged: it is not as it was written")


def _sum(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def _sync(directory: Path) -> None:
    fd = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(fd)
    finally:
        os.close(fd)
