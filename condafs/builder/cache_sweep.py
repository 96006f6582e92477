"""What of the package cache nobody needs any more, and its removal while nobody builds. Knows no rattler.

`cache` draws the layout. A package is needed by the environments whose `conda-meta` names it; files are hard links, so
the change time (ctime) of a package's files is when it was last linked into an environment, or out of one: since then
it is unused. Repodata and pip's downloads are judged by when they were last read or written.

What goes is renamed into `.drafts` while no builder is at work (`leftovers`), and emptied after that: whoever builds
waits for renames only, and what a crash leaves there the next builder sweeps.
"""

import fcntl
import os
import re
import stat
import tempfile
from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from condafs.builder.leftovers import LOCK
from condafs.prefix.removal import list_tree, open_directory, remove_if_possible, visit_tree

_SUM = re.compile(r"[0-9a-f]{16}")
_OWN = frozenset({"pkgs", "bytecode", "pip-cache"})
_INTERPRETERS = "interpreters"
_BESIDE = (".lock", ".sound")
"""What lies beside a package, and goes with it."""
_GRAIN_BYTES = 512  # of st_blocks, stat(2)


class Sort(StrEnum):
    """What a spare thing is."""

    PACKAGE = "package"
    BYTECODE = "bytecode"
    REPODATA = "repodata"
    PIP = "pip"


@dataclass(frozen=True, slots=True)
class Spare:
    """Something that nobody needs.

    Attributes:
        size_bytes: Freed when it goes, and the environments that it was linked into are gone, too.
        unused_since: Unix seconds.
    """

    path: Path
    sort: Sort
    size_bytes: int
    unused_since: float


def needed_distributions(builds: Path, condemned: Collection[str]) -> set[str]:
    """`<name>-<version>-<build>` of every package of every environment that is there.

    Args:
        builds: Directory of the prefixes.
        condemned: Names of those that do not count.
    """
    found: set[str] = set()
    for build in _names(builds):
        if build not in condemned and not build.startswith("."):
            found |= distributions_of(builds / build)
    return found


def find_spare(packages: Path, needed: Collection[str], unused_before: float) -> list[Spare]:
    """What nobody needs and nobody has used since; nothing is changed.

    Args:
        packages: The package cache.
        needed: As `needed_distributions` gives them.
        unused_before: Unix seconds.
    """
    return [spare for spare in _all_spare(packages, needed) if spare.unused_since <= unused_before]


def distributions_of(prefix: Path) -> set[str]:
    """`<name>-<version>-<build>` of every package of one environment."""
    return {name.removesuffix(".json") for name in _names(prefix / "conda-meta") if name.endswith(".json")}


def distribution_of(item: Spare) -> str:
    """The package that a part of the cache belongs to; "" for repodata and pip's."""
    if item.sort is Sort.PACKAGE:
        return item.path.name
    if item.sort is not Sort.BYTECODE:
        return ""
    distribution, _, digits = item.path.name.rpartition("-")
    return distribution if _SUM.fullmatch(digits) else item.path.name


def parts_of_cache(packages: Path) -> Iterator[Spare]:
    """All that the package cache holds, needed or not, measured one by one."""
    return _all_spare(packages, frozenset())


def count_parts(packages: Path) -> int:
    """About how many there will be, without measuring any."""
    return sum(len(_names(packages / name)) for name in ("pkgs", "bytecode"))


def _all_spare(packages: Path, needed: Collection[str]) -> Iterator[Spare]:
    for name in _names(packages / "pkgs"):
        if not name.startswith(".") and not name.endswith(_BESIDE) and name not in needed:
            yield from _measure(packages / "pkgs" / name, Sort.PACKAGE)
    for place in (packages / "bytecode", packages / "bytecode" / _INTERPRETERS):
        for name in _names(place):
            if name != _INTERPRETERS and not _is_needed(name, needed):
                yield from _measure(place / name, Sort.BYTECODE)
    for name in _names(packages):
        if name not in _OWN and not name.startswith("."):
            yield from _measure(packages / name, Sort.REPODATA)
    for path in _files_below(packages / "pip-cache"):
        yield from _measure(path, Sort.PIP)


def _is_needed(key: str, needed: Collection[str]) -> bool:
    """Of `<distribution>-<sum>`, or the distribution alone."""
    distribution, _, digits = key.rpartition("-")
    return key in needed or (_SUM.fullmatch(digits) is not None and distribution in needed)


def _measure(path: Path, sort: Sort) -> Iterator[Spare]:
    """How large it is, and when it was last used; nothing when it is gone or may not be read."""
    is_linked = sort in (Sort.PACKAGE, Sort.BYTECODE)
    size, used = 0, 0.0

    def add(found: os.stat_result) -> None:
        nonlocal size, used
        size += found.st_blocks * _GRAIN_BYTES
        if is_linked:
            used = max(used, found.st_ctime)
        elif not stat.S_ISDIR(found.st_mode):
            used = max(used, found.st_mtime, found.st_atime)

    def look(fd: int) -> list[str]:
        with os.scandir(fd) as listing:
            found = {entry.name: entry.stat(follow_symlinks=False) for entry in listing}
        for status in found.values():
            add(status)
        return [name for name, status in found.items() if stat.S_ISDIR(status.st_mode)]

    with suppress(OSError):
        top = path.lstat()
        add(top)
        if stat.S_ISDIR(top.st_mode):
            with suppress(PermissionError):  # a package may hold what nobody may read, and goes all the same
                _look_through(path, look)
        yield Spare(path, sort, size, used)


def _look_through(path: Path, look: Callable[[int], list[str]]) -> None:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        visit_tree(fd, look, open_directory)
    finally:
        os.close(fd)


def _files_below(top: Path) -> Iterator[Path]:
    for directory, names in list_tree(str(top)):
        for name in names:
            yield Path(directory, name)


@dataclass(frozen=True, slots=True)
class Removed:
    """What became of spare things: how many went, how much that freed, and whether builders kept all of it."""

    count: int = 0
    freed_bytes: int = 0
    is_busy: bool = False


def remove_spare(packages: Path, spare: Sequence[Spare], needed: Callable[[], Collection[str]]) -> Removed:
    """Remove it, if nobody builds; what was used meanwhile stays.

    Args:
        packages: The package cache.
        spare: As `find_spare` found it.
        needed: Asked once nobody builds.

    Raises:
        PermissionError: The cache belongs to somebody else.
    """
    if not spare:
        return Removed()
    fd = os.open(packages / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return Removed(is_busy=True)
    drafts = packages / ".drafts"
    try:
        drafts.mkdir(exist_ok=True)
        trash = Path(tempfile.mkdtemp(prefix="spare-", dir=drafts))
        sizes = _set_aside(spare, needed(), trash)
    finally:
        os.close(fd)
    remove_if_possible(trash)
    return Removed(len(sizes), sum(sizes))


def _set_aside(spare: Sequence[Spare], needed: Collection[str], trash: Path) -> list[int]:
    """Rename all that is spare still into a directory; the sizes."""
    sizes = []
    for number, item in enumerate(spare):
        if _is_needed(item.path.name, needed) and item.sort in (Sort.PACKAGE, Sort.BYTECODE):
            continue
        fresh = next(_measure(item.path, item.sort), None)
        if fresh is None or fresh.unused_since > item.unused_since:
            continue
        item.path.rename(trash / str(number))
        if item.sort is Sort.PACKAGE:
            for suffix in _BESIDE:
                item.path.with_name(item.path.name + suffix).unlink(missing_ok=True)
        sizes.append(fresh.size_bytes)
    return sizes


def _names(directory: Path) -> list[str]:
    try:
        return sorted(os.listdir(directory))  # noqa: PTH208 - thousands of names
    except (FileNotFoundError, NotADirectoryError):
        return []
