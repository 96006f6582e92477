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
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
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

_NO_NAMES = frozenset({"", ".", ".."})

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


def _read_note(place: Path) -> _Stamp | None:
    try:
        with open(f"{place}{_SUFFIX}", "rb", buffering=0) as file:  # noqa: PTH123 - hundreds of them
            inode, ctime_ns = file.read().split()
        return int(inode), int(ctime_ns)
    except (OSError, ValueError):
        return None


def _write_note(place: Path, stamp: _Stamp | None) -> None:
    if stamp:
        with suppress(OSError):  # it is looked at again then
            Path(f"{place}{_SUFFIX}").write_text(f"{stamp[0]} {stamp[1]}\n")


def find_problem(package: Path) -> str | None:
    """What is wrong with an extracted package, in words; None when nothing is."""
    if path := next((path for path in _READ if (package / path).is_symlink()), None):
        return f"its {path} is a link"
    try:
        return _Package(f"{package}/").find_problem(_read_list(package))
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        return f"what it says of itself cannot be read ({error!r})"


_Listed = tuple[str, bool]
"""A path of a package's list, and whether it may be a link: then only the link itself is taken."""


class _Package:
    """What is known of a package by now. Of its directories, not of each file: there are tens of thousands of those."""

    def __init__(self, top: str) -> None:
        self._top = top
        self._links: dict[str, frozenset[str]] = {}
        self._sound: dict[str, frozenset[str]] = {}
        """Ways as they are written in the list, which lead to directories, -> names of the links in these."""

    def find_problem(self, files: Iterable[_Listed]) -> str | None:
        for path, may_be_link in files:
            way, _, name = path.rpartition("/")
            links = self._sound.get(way)
            if links is None or name in _NO_NAMES:
                if problem := self._look_at(path, may_be_link=may_be_link):
                    return problem
            elif not may_be_link and name in links:
                return _is_link(path)
        return None

    def _look_at(self, path: str, *, may_be_link: bool) -> str | None:
        """At each of its names."""
        names = [name for name in path.split("/") if name and name != "."]
        if path.startswith("/") or ".." in names or path.rpartition("/")[2] in _NO_NAMES:
            return f"it lists {path!r}, which is no file in it"
        *way, name = names
        if way == ["conda-meta"] and name.endswith(".json"):
            return f"it lists {path!r}, and records of packages are not for packages to bring"
        for depth, directory in enumerate(way):
            if directory in self._links_in("/".join(way[:depth])):
                link = "/".join(way[: depth + 1])
                return f"it lists {path!r}, and its {link!r} is a link to {os.readlink(self._top + link)!r}"  # noqa: PTH115
        links = self._links_in("/".join(way))
        if way != ["conda-meta"]:
            self._sound[path.rpartition("/")[0]] = links
        return _is_link(path) if not may_be_link and name in links else None

    def _links_in(self, directory: str) -> frozenset[str]:
        """Of a directory that no link leads to."""
        if directory not in self._links:
            try:
                with os.scandir(self._top + directory) as listing:
                    self._links[directory] = frozenset(entry.name for entry in listing if entry.is_symlink())
            except (FileNotFoundError, NotADirectoryError):  # linking complains
                self._links[directory] = frozenset()
        return self._links[directory]


def _is_link(path: str) -> str:
    return f"it lists {path!r} as a file, and that is a link"


def _read_list(package: Path) -> Iterator[_Listed]:
    try:
        document = json.loads((package / "info" / "paths.json").read_bytes())
    except FileNotFoundError:  # of the days before paths.json
        has_prefix = _text(package / "info" / "has_prefix")
        for line in _text(package / "info" / "files").split("\n"):  # as rattler; splitlines knows other ends as well
            if path := line.removesuffix("\r"):
                yield path, path not in has_prefix
    else:
        for entry in document["paths"]:
            # What has the prefix written into it is read, whatever else it is.
            yield entry["_path"], entry.get("path_type") == "softlink" and not entry.get("prefix_placeholder")


def _text(path: Path) -> str:
    try:
        return path.read_bytes().decode()
    except FileNotFoundError:
        return ""
