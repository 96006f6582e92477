"""Archives' sums over `file://`: rattler compares them over http only (shared experiment, py-rattler 0.28).

Each archive is read once, before anything of it enters the package cache; what is in the cache was verified then.
"""

import functools
import hashlib
import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote, urlsplit

from condafs.builder.failure import BuildError
from condafs.builder.protocol import FailureKind


@dataclass(frozen=True, slots=True)
class Archive:
    """One package file: where it is and what it has to be.

    Attributes:
        sha256, md5: Of the file; None where nobody says.
        size_bytes: As the channel says; 0 when it does not.
    """

    url: str
    sha256: bytes | None = None
    md5: bytes | None = None
    size_bytes: int = 0

    @property
    def file_name(self) -> str:
        """As in the URL."""
        return _file_name(self.url)

    @property
    def distribution(self) -> str:
        """`<name>-<version>-<build>`."""
        return _distribution(self.url)

    @property
    def path(self) -> Path | None:
        """The file of this machine behind a `file://` URL, None for any other."""
        parts = urlsplit(self.url)
        return Path(unquote(parts.path)) if parts.scheme == "file" else None


@functools.cache
def _file_name(url: str) -> str:
    return unquote(urlsplit(url).path.rpartition("/")[2])


@functools.cache
def _distribution(url: str) -> str:
    return _file_name(url).removesuffix(".conda").removesuffix(".tar.bz2")


def verify_archives(archives: Sequence[Archive]) -> list[Archive]:
    """Compare the sums of archives that are files of this machine; hashing uses every core.

    Args:
        archives: Those that are not in the package cache.

    Returns:
        The same in that order; those of this machine with their SHA-256, also where nobody said it.

    Raises:
        BuildError: CHECKSUM, naming every archive that differs; PACKAGE when one is not there.
    """
    if not archives:
        return []
    with ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
        # The largest first, so that no core ends up with a large one alone.
        order = sorted(range(len(archives)), key=lambda number: -archives[number].size_bytes)
        results = dict(zip(order, pool.map(lambda number: _verify_local(archives[number]), order), strict=True))
    problems = sorted(result for result in results.values() if isinstance(result, str))
    if problems:
        raise BuildError(FailureKind.CHECKSUM, "\n".join(problems))
    return [result for _, result in sorted(results.items()) if isinstance(result, Archive)]


def verify_file(archive: Archive, path: Path) -> Archive | str:
    """Compare a file with what it should be.

    Returns:
        The archive with its SHA-256, or a sentence that says what is wrong.
    """
    wants_md5 = archive.md5 is not None and archive.sha256 is None
    with path.open("rb", buffering=0) as file:
        sha256 = hashlib.file_digest(file, "sha256").digest()
        file.seek(0)
        md5 = hashlib.file_digest(file, _md5).digest() if wants_md5 else b""
    name, expected, found = ("md5", archive.md5, md5) if wants_md5 else ("sha256", archive.sha256, sha256)
    if expected is not None and expected != found:
        return f"checksum mismatch: {path} has the {name} {found.hex()}, it should have {expected.hex()}"
    return replace(archive, sha256=sha256)


def _md5() -> "hashlib._Hash":
    return hashlib.md5(usedforsecurity=False)


def _verify_local(archive: Archive) -> Archive | str:
    if archive.path is None:
        return archive
    try:
        return verify_file(archive, archive.path)
    except FileNotFoundError:
        msg = f"{archive.file_name} is listed, but there is no {archive.path}"
        raise BuildError(FailureKind.PACKAGE, msg) from None
