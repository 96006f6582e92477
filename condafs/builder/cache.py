"""The package cache: where things are in it, and what it holds already.

Layout of `packages/`::

    pkgs/<name>-<version>-<build>/         extracted packages, rattler's
    pkgs/<name>-<version>-<build>.lock     rattler's, locked by flock while in use: 8 bytes revision, then the archive's
                                           32 bytes SHA-256, absent when it was fetched without one
    pkgs/<name>-<version>-<build>.sound    which directory was found sound, see `sound_packages`
    bytecode/                              see `bytecode_cache`
    pip-cache/                             pip's own, of builds without a cage and of earlier versions
    .drafts/                               what is being made or fetched
    .builders                              see `leftovers`
    *.json, *.shards-cache-v1, ...         repodata of http channels, rattler's
"""

import contextlib
import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

from rattler.package_cache import PackageCache, ValidationMode
from rattler.repo_data import Gateway

from condafs.builder.archives import Archive
from condafs.prefix.removal import remove_if_possible

_REVISION_BYTES = 8


@dataclass(frozen=True, slots=True)
class Cache:
    """The shared cache below one directory.

    Attributes:
        root: `packages/`.
    """

    root: Path

    @property
    def extracted(self) -> Path:
        """Extracted packages; the Gateway puts those of direct URLs into `pkgs` below its own directory, too."""
        return self.root / "pkgs"

    @property
    def bytecode(self) -> Path:
        """Compiled once, linked everywhere."""
        return self.root / "bytecode"

    @property
    def drafts(self) -> Path:
        """What is being made or fetched."""
        return self.root / ".drafts"

    @property
    def pip(self) -> Path:
        """Wheels and downloads, pip's own; see `Workplace.pip_cache`."""
        return self.root / "pip-cache"

    def make(self) -> None:
        """Make the directories."""
        for directory in (self.extracted, self.bytecode, self.drafts):
            directory.mkdir(parents=True, exist_ok=True)

    def close_repodata(self) -> None:
        """Let nobody else read where repodata came from: rattler keeps its URLs, credentials included."""
        for path in self.root.glob("*.info.json"):
            path.chmod(0o600)

    def gateway(self) -> Gateway:
        """Repodata; a new one for each build, because it never looks twice."""
        return Gateway(cache_dir=self.root)

    def package_cache(self, *, is_checked: bool) -> PackageCache:
        """Packages.

        Args:
            is_checked: Whether each is looked through for lost files, and fetched anew when it has lost one. That
                takes a tenth of a second for 40,000 files (measured), which a first try saves: linking finds it, too.
        """
        mode = ValidationMode.fast() if is_checked else ValidationMode.skip()
        return PackageCache.new_layered([self.extracted], validation_mode=mode)

    def directory_of(self, distribution: str) -> Path:
        """Where a package is, or will be, extracted."""
        return self.extracted / distribution

    def holds(self, archive: Archive) -> bool:
        """Whether the package of exactly that archive is there: what came in with a sum was verified then."""
        package = str(self.directory_of(archive.distribution))
        try:
            with open(f"{package}.lock", "rb", buffering=0) as file:  # noqa: PTH123 - hundreds of them
                content = file.read()
        except OSError:
            return False
        is_it = archive.sha256 is not None and content[_REVISION_BYTES:] == archive.sha256
        # A package whose directory is gone will be fetched again, and what is fetched has to be verified.
        return is_it and os.path.isdir(package)  # noqa: PTH112

    def evict(self, archive: Archive) -> None:
        """Remove a package that has lost files, so that its archive is verified and fetched anew.

        Environments keep theirs. Nothing happens while somebody links it: the next try looks through it anyway.
        """
        with contextlib.suppress(BlockingIOError):
            self._remove(archive, fcntl.LOCK_EX | fcntl.LOCK_NB, only_unsummed=False)

    def evict_unsummed(self, archive: Archive) -> None:
        """Remove a package of that name that was fetched without a sum.

        rattler takes it for any archive of the name, whatever sum is asked for (experiment, py-rattler 0.28).
        """
        self._remove(archive, fcntl.LOCK_EX, only_unsummed=True)  # another builder may be linking it

    def _remove(self, archive: Archive, lock: int, *, only_unsummed: bool) -> None:
        try:
            fd = os.open(self._lock_of(archive), os.O_RDWR)
        except FileNotFoundError:
            return
        try:
            fcntl.flock(fd, lock)
            if not only_unsummed or os.fstat(fd).st_size <= _REVISION_BYTES:
                remove_if_possible(self.directory_of(archive.distribution))
                os.ftruncate(fd, min(os.fstat(fd).st_size, _REVISION_BYTES))  # no sum: nobody takes it for verified
        finally:
            os.close(fd)

    def _lock_of(self, archive: Archive) -> Path:
        return self.extracted / f"{archive.distribution}.lock"
