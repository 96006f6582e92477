"""What should stand in a build beside what stands in it. Pure."""

import time
from collections.abc import Iterator, Mapping

from condafs.health.expected import NOT_KNOWN
from condafs.health.found import Found
from condafs.health.problem import Damage, Problem
from condafs.prefix.inventory import Entry

_KINDS = {"d": "a directory", "f": "a file", "x": "a file", "l": "a link", "o": "neither file, directory nor link"}
_WRITABLE = 0o222
_SECOND = 10**9


def compare(entries: Mapping[str, Entry], found: Mapping[str, Found], *, is_whole: bool = True) -> Iterator[Problem]:
    """Everything but contents of the same size.

    What follows from something else is not told again: what is below a directory that is missing or extra, and the time
    of a directory that something was added to or removed from.

    Args:
        entries: What should be there, by path.
        found: What is there.
        is_whole: Whether anything else is extra.
    """
    missing = {path for path in entries.keys() - found.keys() if _parent(path) in found or _parent(path) not in entries}
    extra = {path for path in found.keys() - entries.keys() if _parent(path) in entries} if is_whole else set[str]()
    disturbed = set(map(_parent, missing | extra))
    for path in missing:
        yield Problem(path, Damage.MISSING, _KINDS[entries[path].kind])
    for path in extra:
        yield Problem(path, Damage.EXTRA, _KINDS[found[path].kind])
    for path in entries.keys() & found.keys():
        for problem in _compare_one(entries[path], found[path]):
            if problem.damage is not Damage.TIME or path not in disturbed:
                yield problem


def _parent(path: str) -> str:
    return path.rpartition("/")[0] or "."


def _compare_one(entry: Entry, there: Found) -> Iterator[Problem]:
    kind = "f" if entry.kind == "x" else entry.kind
    if there.kind != kind:
        yield Problem(entry.path, Damage.KIND, f"{_KINDS[there.kind]}, not {_KINDS[entry.kind]}")
        return
    if kind == "l" and there.target != entry.target:
        yield Problem(entry.path, Damage.TARGET, f"leads to {there.target}, not {entry.target}")
    if kind == "f" and entry.size_bytes not in (there.size_bytes, NOT_KNOWN):
        yield Problem(entry.path, Damage.CHANGED, f"{there.size_bytes} bytes, not {entry.size_bytes}")
    if kind != "l":
        yield from _compare_mode(entry, there)
    if entry.mtime_ns not in (there.mtime_ns, NOT_KNOWN):
        detail = f"{_moment(there.mtime_ns)}, not {_moment(entry.mtime_ns)}"
        yield Problem(entry.path, Damage.TIME, detail)


def _compare_mode(entry: Entry, there: Found) -> Iterator[Problem]:
    if entry.mode == NOT_KNOWN:
        if there.mode & _WRITABLE:
            yield Problem(entry.path, Damage.MODE, f"{there.mode:o}: it can be written to")
    elif there.mode != entry.mode:
        yield Problem(entry.path, Damage.MODE, f"{there.mode:o}, not {entry.mode:o}")


def _moment(mtime_ns: int) -> str:
    seconds, rest = divmod(mtime_ns, _SECOND)
    return f"{time.strftime('%Y-%m-%d %H:%M:%S', time.gmtime(seconds))}.{rest:09d}"
