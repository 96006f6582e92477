"""Extracted packages, held against their own lists: linking one must read nothing but the package.

rattler takes each file from where the package's list has it, and follows links on the way there (experiment, py-rattler
0.28). An archive with a link to `/etc`, and a list that names a file behind it, would have the builder publish whatever
its user may read. So after linking, and before anybody sees the environment, everything on the way is looked at, and
what is unsound leaves the cache.

Packages in the cache never change, so that is done once: a note beside a package says which directory was found sound.

Format of `pkgs/<name>-<version>-<build>.sound`: the directory's stamp, two decimal numbers, inode and ctime. Whoever
extracts another package of that name makes another directory.
"""

import json
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from rattler.repo_data import RepoDataRecord

from condafs.builder.cache import Cache
from condafs.builder.failure import BuildError
from condafs.builder.protocol import FailureKind
from condafs.builder.solve import archive_of
from condafs.spec.credentials import mask_credentials

_READ = (
    "info",
    "info/paths.json",
    "info/files",
    "info/has_prefix",
    "info/no_link",
    "info/link.json",
    "info/index.json",
)
"""What decides how a package is linked, and must not be somebody else's to change."""

_SUFFIX = ".sound"

_Stamp = tuple[int, int]
"""Inode and ctime, in ns, of a package's directory; nobody can set that."""


class LinkedPackages:
    """The packages of one environment, as they were when they were linked.

    Args:
        records: Of the packages.
        cache: Has them.
    """

    def __init__(self, records: Sequence[RepoDataRecord], cache: Cache) -> None:
        self._records = records
        # By what rattler goes, which is not what the channel calls the archive.
        self._places = [cache.directory_of(f"{r.name.normalized}-{r.version}-{r.build}") for r in records]
        self._cache = cache
        self._stamps: dict[int, _Stamp] = {}

    def note_cached(self, number: int) -> None:
        """The package of that place is in the cache, and locked until it is linked. Any thread may say so."""
        with suppress(OSError):
            self._stamps[number] = _stamp(self._places[number])

    def require_sound(self) -> None:
        """All are linked: refuse those that lead out of themselves; blocking.

        Raises:
            BuildError: PACKAGE, naming the first; CACHE, when it cannot be said, because a package was replaced.
        """
        for number, place in enumerate(self._places):
            stamp = self._stamps.get(number)
            if stamp is None or _read_note(place) != stamp:
                self._look_at(number, place, stamp)

    def _look_at(self, number: int, place: Path, stamp: _Stamp | None) -> None:
        archive = archive_of(self._records[number])
        problem = find_problem(place)
        try:
            is_same = stamp == _stamp(place)
        except OSError:
            is_same = False
        if not is_same:
            msg = f"{place.name} was replaced in the package cache while it was linked; the next try links the new one"
            raise BuildError(FailureKind.CACHE, msg)
        if problem:
            self._cache.evict(archive)
            msg = (
                f"the package {place.name} cannot be used: {problem}. "
                f"Require another build of it, and tell the owner of its channel ({mask_credentials(archive.url)})"
            )
            raise BuildError(FailureKind.PACKAGE, msg)
        _write_note(place, stamp)


def _stamp(place: Path) -> _Stamp:
    found = os.lstat(place)
    return found.st_ino, found.st_ctime_ns


def _note_of(place: Path) -> Path:
    return place.with_name(f"{place.name}{_SUFFIX}")


def _read_note(place: Path) -> _Stamp | None:
    try:
        inode, ctime_ns = _note_of(place).read_text().split()
        return int(inode), int(ctime_ns)
    except (OSError, ValueError):
        return None


def _write_note(place: Path, stamp: _Stamp | None) -> None:
    if stamp:
        with suppress(OSError):  # it is looked at again then
            _note_of(place).write_text(f"{stamp[0]} {stamp[1]}\n")


def find_problem(package: Path) -> str | None:
    """What is wrong with an extracted package, in words; None when nothing is."""
    if path := next((path for path in _READ if (package / path).is_symlink()), None):
        return f"its {path} is a link"
    try:
        return _Listed(f"{package}/").find_problem(_read_list(package))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return f"what it says of itself cannot be read ({error!r})"


@dataclass(frozen=True, slots=True)
class _File:
    """A path of a package's list; whether it may be a link, of which only the link itself is taken."""

    path: str
    may_be_link: bool


@dataclass(slots=True)
class _Listed:
    """What is known of a package by now: directories on the way to its files that are what they should be."""

    top: str
    directories: set[str] = field(default_factory=set)

    def find_problem(self, files: Iterable[_File]) -> str | None:
        return next(filter(None, map(self._look_at, files)), None)

    def _look_at(self, file: _File) -> str | None:
        names = [name for name in file.path.split("/") if name not in ("", ".")]
        if file.path.startswith("/") or ".." in names or not names:
            return f"it lists {file.path!r}, which is nowhere in it"
        if len(names) == 2 and names[0] == "conda-meta" and names[1].endswith(".json"):  # noqa: PLR2004
            return f"it lists {file.path!r}, and records of packages are not for packages to bring"
        for depth in range(1, len(names)):
            directory = "/".join(names[:depth])
            if directory not in self.directories:
                if self._is_link(directory):
                    target = os.readlink(self.top + directory)  # noqa: PTH115 - thousands of paths
                    return f"it lists {file.path!r}, and its {directory!r} is a link to {target!r}"
                self.directories.add(directory)
        if not file.may_be_link and self._is_link("/".join(names)):
            return f"it lists {file.path!r} as a file, and that is a link"
        return None

    def _is_link(self, path: str) -> bool:
        try:
            return stat.S_ISLNK(os.lstat(self.top + path).st_mode)
        except FileNotFoundError:  # linking complains
            return False


def _read_list(package: Path) -> Iterator[_File]:
    try:
        document = json.loads((package / "info" / "paths.json").read_bytes())
    except FileNotFoundError:  # of the days before paths.json
        has_prefix = _text(package / "info" / "has_prefix")
        for line in _text(package / "info" / "files").split("\n"):  # as rattler; splitlines knows other ends as well
            if path := line.removesuffix("\r"):
                yield _File(path, may_be_link=path not in has_prefix)
    else:
        for entry in document["paths"]:
            # What has the prefix written into it is read, whatever else it is.
            is_link = entry.get("path_type") == "softlink" and not entry.get("prefix_placeholder")
            yield _File(entry["_path"], may_be_link=is_link)


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        return ""
