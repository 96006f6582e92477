"""What there is to see below the watched paths, and in which directories a change of it would be heard.

A watched path is followed as the kernel would, link by link, because each link on the way may be replaced (`current ->
releases/5`, a ConfigMap's `..data`), and each directory may be moved or made again. Below a watched directory, links to
files are followed, links to directories are not; hidden directories, those of installed packages and other mounts of
condafs are passed over.
"""

import os
import stat
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from condafs.client.mountpoint import mounts_of_machine
from condafs.mirror.naming import is_certain, may_be_specification

PASSED_OVER = frozenset({"node_modules", "site-packages", "__pycache__", "conda-meta"})
_PREFIX_MARKS = frozenset({"conda-meta", "pyvenv.cfg"})
"""A directory that has one of these is an environment, and what is below it is what was installed."""
_MAX_LINKS = 40
"""As the kernel follows (path_resolution(7)); more are a loop."""


@dataclass(frozen=True, slots=True)
class Signature:
    """Changes whenever a file's content may have changed."""

    device: int
    inode: int
    size_bytes: int
    mtime_ns: int
    ctime_ns: int

    @classmethod
    def of(cls, status: os.stat_result) -> "Signature":
        """From what stat(2) says."""
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)


@dataclass(frozen=True, slots=True)
class Candidate:
    """A file that may be a specification; certainly, when it was named or its name says so."""

    signature: Signature
    is_certain: bool


@dataclass(slots=True)
class Interest:
    """What matters among the entries of a directory, beside its own end or move.

    Attributes:
        names: These.
        is_tree: Also directories, and files whose names are a specification's.
    """

    names: set[str] = field(default_factory=set)
    is_tree: bool = False


@dataclass(frozen=True, slots=True)
class Selection:
    """What is to be watched.

    Attributes:
        paths: Absolute; as they were given otherwise.
        patterns: Of files in directories; see `may_be_specification`.
    """

    paths: tuple[Path, ...]
    patterns: tuple[str, ...] = ()

    def is_wanted(self, name: str, interest: Interest, *, is_directory: bool) -> bool:
        """Whether something that happened to an entry of a directory is worth a new survey."""
        if name in interest.names:
            return True
        if not interest.is_tree:
            return False
        return not _is_passed_over(name) if is_directory else may_be_specification(name, self.patterns)


@dataclass(slots=True)
class Survey:
    """What was seen.

    Attributes:
        files: By the path that is shown.
        interests: By the real path of a directory.
        missing: Watched paths that lead nowhere now.
        unreadable: What this user may not look at, with the reason.
    """

    files: dict[Path, Candidate] = field(default_factory=dict)
    interests: dict[str, Interest] = field(default_factory=lambda: defaultdict(Interest))
    missing: list[Path] = field(default_factory=list)
    unreadable: dict[Path, str] = field(default_factory=dict)


def survey(selection: Selection) -> Survey:
    """Look at everything. Blocks for as long as the file systems take."""
    seen = Survey()
    mounts = frozenset(map(str, mounts_of_machine()))
    for path in selection.paths:
        _look_at(path, selection, seen, mounts)
    _drop_twins(seen)
    return seen


def _look_at(path: Path, selection: Selection, seen: Survey, mounts: frozenset[str]) -> None:
    real = _trace(path, seen)
    try:
        status = real.stat() if real else None
    except FileNotFoundError:
        status = None
    except OSError as error:
        seen.unreadable[path] = error.strerror or str(error)
        return
    if status is None or real is None:
        seen.missing.append(path)
    elif stat.S_ISDIR(status.st_mode):
        _walk(path, str(real), selection, seen, mounts)
    elif stat.S_ISREG(status.st_mode):
        seen.files[path] = Candidate(Signature.of(status), is_certain=True)


def _trace(path: Path, seen: Survey) -> Path | None:
    """The real path, None when there is none; notes on the way where a change would lead elsewhere."""
    here, links = Path("/"), 0
    pending = [*path.parts[:0:-1]]
    while pending:
        name = pending.pop()
        if name in {"", "."}:
            continue
        if name == "..":
            here = here.parent
            continue
        entry = here / name
        interest = seen.interests[str(here)]  # at least its own end or move
        try:
            target = str(entry.readlink())
        except FileNotFoundError:
            interest.names.add(name)
            return None
        except OSError:  # EINVAL: not a link; else it cannot be looked at
            if not pending:
                interest.names.add(name)
            here = entry
            continue
        interest.names.add(name)
        links += 1
        if links > _MAX_LINKS:
            return None
        here = Path("/") if target.startswith("/") else here
        pending += reversed(target.split("/"))
    return here


def _walk(shown: Path, real: str, selection: Selection, seen: Survey, mounts: frozenset[str]) -> None:
    pending = [(shown, real)]
    while pending:
        shown, real = pending.pop()
        if real in mounts:
            continue
        try:
            with os.scandir(real) as listing:
                entries = sorted(listing, key=lambda entry: entry.name)
        except FileNotFoundError:
            continue
        except OSError as error:
            seen.unreadable[shown] = error.strerror or str(error)
            continue
        if any(entry.name in _PREFIX_MARKS for entry in entries):
            continue
        seen.interests[real].is_tree = True
        seen.files.update(_candidates(shown, real, entries, selection, seen))
        pending += [
            (shown / entry.name, entry.path)
            for entry in entries
            if not _is_passed_over(entry.name) and entry.is_dir(follow_symlinks=False)
        ]


def _candidates(
    shown: Path, real: str, entries: Sequence[os.DirEntry[str]], selection: Selection, seen: Survey
) -> Iterator[tuple[Path, Candidate]]:
    for entry in entries:
        if not may_be_specification(entry.name, selection.patterns):
            continue
        try:
            if entry.is_symlink():
                _trace(Path(real, entry.name), seen)
            status = entry.stat()
        except OSError:
            continue
        if stat.S_ISREG(status.st_mode):
            certain = bool(selection.patterns) or is_certain(entry.name)
            yield shown / entry.name, Candidate(Signature.of(status), certain)


def _is_passed_over(name: str) -> bool:
    return name.startswith(".") or name in PASSED_OVER


def _drop_twins(seen: Survey) -> None:
    """A file that several paths lead to is one file, at the first of them."""
    known: set[tuple[int, int]] = set()
    for path, candidate in list(seen.files.items()):
        key = candidate.signature.device, candidate.signature.inode
        if key in known:
            del seen.files[path]
        known.add(key)
