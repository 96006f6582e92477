"""The packages that a build was made of, as whole as they ever were: from the package cache, else fetched anew.

A file of the cache is believed when its sum is right, and never else: its inode may be the very one that is damaged in
the build. What had to be fetched mends the cache on the way, unless that has another archive of the name by now.
"""

import fcntl
import json
import os
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

from condafs.builder.archives import Archive
from condafs.builder.cache import Cache
from condafs.builder.leftovers import join_builders
from condafs.errors import CondafsError
from condafs.prefix.originals import paths_in_package
from condafs.prefix.records import PackageRecord, PathRecord
from condafs.prefix.removal import remove_if_possible
from condafs.prefix.sums import hash_file
from condafs.spec.credentials import is_masked

_FETCHER = (sys.executable, "-P", "-m", "condafs.builder.refetch")
_EXTRACTED = "extracted"  # as in builder.refetch, which is not imported: it loads rattler
_PATIENCE_SECONDS = 600


class FetchError(CondafsError):
    """An archive cannot be had any more."""


class Packages:
    """The packages of one state directory; a context manager, which counts as a builder while it is open.

    Args:
        cache: `packages/` of the state directory.
    """

    def __init__(self, cache: Path) -> None:
        self._cache = Cache(cache)
        self._stack = ExitStack()
        self._fetched: dict[str, Path | FetchError] = {}

    def __enter__(self) -> Self:
        self._cache.make()
        join_builders(self._cache.root)  # or what is fetched here could be swept away
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._stack.close()

    def find(self, record: PackageRecord, path: PathRecord) -> Path:
        """The file as its archive has it.

        Args:
            record: Of the package, whose sum can be believed.
            path: One of its files.

        Raises:
            FetchError: The cache does not have it, and the archive is gone, or cannot be reached.
        """
        archive = _archive(record)
        if self._cache.holds(archive):
            for name in paths_in_package(record, path):
                place = self._cache.directory_of(archive.distribution) / name
                if _is_sound(place, path):
                    return place
        return self._fetch(archive, record, path)

    def directory(self, record: PackageRecord) -> Path:
        """The whole package: of the cache, when that has it; nothing is compared."""
        archive = _archive(record)
        if self._cache.holds(archive):
            return self._cache.directory_of(archive.distribution)
        return self._extract(archive)

    def _fetch(self, archive: Archive, record: PackageRecord, path: PathRecord) -> Path:
        directory = self._extract(archive)
        for name in paths_in_package(record, path):
            if _is_sound(directory / name, path):
                return self._mend_cache(archive, directory / name, name)
        msg = f"{archive.file_name} does not hold {path['_path']} as its own list says"
        raise FetchError(msg)

    def _extract(self, archive: Archive) -> Path:
        """Fetch an archive, once."""
        if archive.url not in self._fetched:
            try:
                self._fetched[archive.url] = self._extract_now(archive)
            except FetchError as error:
                self._fetched[archive.url] = error
        found = self._fetched[archive.url]
        if isinstance(found, FetchError):
            raise found
        return found

    def _extract_now(self, archive: Archive) -> Path:
        if archive.sha256 is None:
            msg = f"{archive.file_name}: nobody knows the sum of that archive"
            raise FetchError(msg)
        if is_masked(archive.url):
            msg = f"{archive.file_name}: its channel wants credentials, which are not written into builds"
            raise FetchError(msg)
        directory = Path(tempfile.mkdtemp(prefix="mend-", dir=self._cache.drafts))
        self._stack.callback(remove_if_possible, directory)
        request = {"url": archive.url, "sha256": archive.sha256.hex(), "directory": str(directory)}
        try:
            done = subprocess.run(  # noqa: S603 - our own interpreter
                _FETCHER,
                input=json.dumps(request) + "\n",
                capture_output=True,
                text=True,
                check=False,
                cwd="/",
                timeout=_PATIENCE_SECONDS,
            )
            error = json.loads(done.stdout)["error"]
        except subprocess.TimeoutExpired:
            error = f"it did not come within {_PATIENCE_SECONDS} s"
        except ValueError:
            error = done.stderr.strip().rpartition("\n")[2] or f"the fetcher ended with {done.returncode}"
        if error:
            msg = f"{archive.file_name} cannot be fetched: {error}"
            raise FetchError(msg)
        return directory / _EXTRACTED

    def _mend_cache(self, archive: Archive, fresh: Path, name: str) -> Path:
        """Put a sound file into the cache's package; where that is not, it stays where it is."""
        package = self._cache.directory_of(archive.distribution)
        fd = os.open(package.with_name(f"{archive.distribution}.lock"), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(fd, fcntl.LOCK_EX)  # who links the package waits, and who throws it away
            place = package / name
            if not self._cache.holds(archive) or not place.parent.is_dir():
                return fresh
            fresh.replace(place)
            return place
        finally:
            os.close(fd)


def _archive(record: PackageRecord) -> Archive:
    sha256 = record.get("sha256")
    return Archive(record.get("url", ""), bytes.fromhex(sha256) if sha256 else None)


def _is_sound(place: Path, path: PathRecord) -> bool:
    """Whether a file is what the package says of it; a link is what it is."""
    if place.is_symlink():
        return True
    try:
        return hash_file(str(place)) == path.get("sha256")
    except OSError:
        return False
