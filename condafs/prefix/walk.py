"""One pass over a prefix: what is there, and (in the same pass) nothing writable left of it.

GNU find and chmod do the work, in pieces beside each other, and find's output is kept as it is: an environment has some
45,000 rows, and making Python objects of them takes longer than reading them from the disk. Whoever waits for a build
waits for this; whoever reads the rows one day has time.

Format of the rows: five fields each, every field ended by NUL, as `_FORMAT` prints them. A directory stands before what
it holds; there is no other order.
"""

import itertools
import os
import re
import stat
import subprocess
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from condafs.errors import MachineError, UnsoundPrefixError

DROPPED = 0o6222
"""Nobody writes to a build (0222), and nothing in it may lend its owner's rights (setuid, setgid: 6000)."""

_READABLE, _EXECUTABLE = 0o444, 0o111

_TO_SEAL = ["(", "-type", "f", "-o", "-type", "d", ")", "(", "-perm", f"/{DROPPED:o}", "-o", "!", "-perm", "-444", ")"]
"""What is writable or has a special bit, or is not for everybody: rattler writes some files for the daemon alone."""

_TO_PROTECT = ["-type", "f", "-links", "+1", "-perm", f"/{DROPPED:o}"]
"""What is shared with the package cache and can still be written to."""

_SEALING = ["chmod", "a-w,u-s,g-s,a+rX", "--"]

_FORMAT = "%y%m %n\\0%s\\0%T@\\0%p\\0%l\\0"
"""Type, mode (octal) and number of links; size; mtime (seconds with ten decimals); path; target: find(1)."""

_FIELDS = 5

_STRANGE = {"b": "a block device", "c": "a character device", "p": "a named pipe", "s": "a socket"}

_SHARES = 8
"""Pieces that a walk is divided into."""

_SPINE = re.compile(r"\./lib(/python3[^/]*(/site-packages)?)?")

_MAX_ARGUMENT_BYTES = 1 << 20
"""Half of what execve(2) takes; a directory of more names than that is walked in one piece."""

_TOO_LONG = "File name too long"
_MOST_ERROR_BYTES = 1 << 16
"""What is kept of complaints; there may be one for each of a million files."""


@dataclass(frozen=True, slots=True)
class Row:
    """What stands at one path.

    Attributes:
        path: Relative to the top.
        kind: `d` directory, `f` file, `x` file that somebody may execute, `l` link.
        size_bytes: Of a file; the length of a link's target; 0 for a directory.
        mtime_ns: Since 1970.
        target: Of a link, else "".
        mode: Permission bits that sealing leaves it with; 0 of a link, whose own mean nothing.
    """

    path: str
    kind: str
    size_bytes: int
    mtime_ns: int
    target: str = ""
    mode: int = 0


@dataclass(frozen=True, slots=True)
class Sums:
    """Of the rows of a walk.

    Attributes:
        size_bytes: All files.
        own_bytes: Files of one name, and directories: what the package cache does not hold anyway.
        file_count: Files and links.
    """

    size_bytes: int
    own_bytes: int
    file_count: int


def read_rows(content: bytes) -> Iterator[Row]:
    """The rows one by one; sockets, pipes and devices are passed over.

    Raises:
        ValueError: The content is damaged.
    """
    fields = _split(content)
    for sort, size, seconds, path, target in zip(*(fields[number::_FIELDS] for number in range(_FIELDS)), strict=True):
        if sort[0] in "dfl":
            mode = 0 if sort[0] == "l" else sealed_mode(int(sort[1:].partition(" ")[0], 8))
            kind = "x" if sort[0] == "f" and mode & 0o111 else sort[0]
            # Of `1700000000.1234567890` the last digit is below a nanosecond.
            moment = int(seconds.replace(".", "")[:-1])
            yield Row(path[2:], kind, 0 if kind == "d" else int(size), moment, target, mode)


class Rows:
    """Rows that questions are asked about, taken apart once and without an object for each: that takes milliseconds.

    Args:
        pieces: As `Walk.pieces` returns them; each is taken apart while others are still being read.

    Raises:
        ValueError: The content is damaged.

    Attributes:
        content: All of it.
    """

    def __init__(self, pieces: Iterable[bytes]) -> None:
        kept, self._fields = [], list[str]()
        for piece in pieces:
            kept.append(piece)
            self._fields += _split(piece)
        self.content = b"".join(kept)
        self._sorts = self._fields[0::_FIELDS]
        self._counts = Counter(self._sorts)

    def sum_up(self) -> Sums:
        """The sums.

        Raises:
            UnsoundPrefixError: There is something that is no file, directory or link.
        """
        self._require_no_strangers()
        sizes = list(map(int, self._fields[1::_FIELDS]))
        single, shared = self._files(is_shared=False), self._files(is_shared=True)
        own = single | {sort for sort in self._counts if sort[0] == "d"}
        return Sums(
            size_bytes=sum(itertools.compress(sizes, self._are(single | shared))),
            own_bytes=sum(itertools.compress(sizes, self._are(own))),
            file_count=sum(count for sort, count in self._counts.items() if sort[0] in "fl"),
        )

    def files(self, *, is_shared: bool) -> dict[str, int]:
        """Path -> size of the files that have, or have not, other names."""
        places = zip(self._fields[3::_FIELDS], self._fields[1::_FIELDS], strict=True)
        chosen = itertools.compress(places, self._are(self._files(is_shared=is_shared)))
        return {path[2:]: int(size) for path, size in chosen}

    def _require_no_strangers(self) -> None:
        if strange := next((sort for sort in self._counts if sort[0] not in "dfl"), ""):
            what = _STRANGE.get(strange[0], "something unknown")
            path = self._fields[self._sorts.index(strange) * _FIELDS + 3][2:]
            msg = f"a package made {what} at {path}; an environment holds files, directories and links only"
            raise UnsoundPrefixError(msg)

    def _files(self, *, is_shared: bool) -> set[str]:
        return {sort for sort in self._counts if sort[0] == "f" and sort.endswith(" 1") != is_shared}

    def _are(self, sorts: set[str]) -> Iterator[bool]:
        return map(sorts.__contains__, self._sorts)


def _split(content: bytes) -> list[str]:
    fields = content.decode("utf-8", "surrogateescape").split("\0")
    if fields.pop() or len(fields) % _FIELDS or not all(fields[0::_FIELDS]):
        msg = f"damaged: {len(fields)} fields are no rows of {_FIELDS}"
        raise ValueError(msg)
    return fields


@lru_cache
def sealed_mode(mode: int) -> int:
    """Permission bits of a file or directory after sealing (`_TO_SEAL`, `_SEALING`), of those it had before."""
    if not mode & DROPPED and mode & _READABLE == _READABLE:
        return mode
    return mode & ~DROPPED | _READABLE | (_EXECUTABLE if mode & _EXECUTABLE else 0)


class Walk:
    """A walk of a tree that is under way from now on, in processes of its own. Links are not followed.

    Args:
        top: Directory to begin with; not a row itself.
        skip: Relative path of a directory that is left out with all that it holds; letters, digits, `-` and `/` only.
        read_only: Take the write bits, setuid and setgid from everything that still has them, and let everybody read;
            the top, and what is skipped, stay as they are.

    Raises:
        FileNotFoundError: There is no such directory.
        MachineError: There is no GNU find.
    """

    def __init__(self, top: Path, *, skip: str = "", read_only: bool = False) -> None:
        spine, shares = _divide(top)
        works = [(spine, ["-maxdepth", "0"]), *((share, []) for share in shares)]
        actions = ["-path", f"./{skip}", "-prune", "-o"] if skip else []
        actions += ["-printf", _FORMAT]
        if read_only:
            actions += [*_TO_SEAL, "-exec", *_SEALING, "{}", "+"]
        self._waiting = deque((top, begin, options + actions) for begin, options in works if begin)
        self._at_work: deque[_Find] = deque()
        for _ in range(len(os.sched_getaffinity(0)) + 1):  # the first is a short one
            self._start_next()

    def _start_next(self) -> None:
        if self._waiting:
            self._at_work.append(_Find(*self._waiting.popleft()))

    def pieces(self) -> Iterator[bytes]:
        """The rows, some at a time; everything is read when there are no more.

        Raises:
            MachineError: Some of it could not be read or sealed.
        """
        while self._at_work:
            piece = self._at_work.popleft().output()
            self._start_next()
            yield piece


def walk(top: Path, *, skip: str = "", read_only: bool = False) -> bytes:
    """Begin a walk and finish it; see `Walk`."""
    return b"".join(Walk(top, skip=skip, read_only=read_only).pieces())


def close(path: Path) -> None:
    """Take the write bits, setuid and setgid of one file or directory."""
    path.chmod(stat.S_IMODE(path.stat().st_mode) & ~DROPPED)


def protect_shared_files(top: Path) -> None:
    """Take the write bits of all files that have another name, in the package cache or another environment.

    Raises:
        MachineError: Some of it could not be read or changed.
    """
    _Find(top, ["."], [*_TO_PROTECT, "-exec", *_SEALING, "{}", "+"]).output()


def _divide(top: Path) -> tuple[list[str], list[list[str]]]:
    """Where to begin: directories that are rows only, and what they and the top hold, in shares of some equality.

    Most of an environment is what site-packages holds, so the way there is the spine.
    """
    spine, units = [], []
    pending = ["."]
    while pending:
        directory = pending.pop()
        for entry in os.scandir(top / directory):
            path = f"{directory}/{entry.name}"
            if _SPINE.fullmatch(path) and entry.is_dir(follow_symlinks=False):
                spine.append(path)
                pending.append(path)
            else:
                units.append(path)
    if sum(len(os.fsencode(unit)) for unit in units) > _MAX_ARGUMENT_BYTES:
        return [], [["."]]
    return spine, [units[number::_SHARES] for number in range(_SHARES)]


class _Find:
    """A find(1) at work; its output goes to memory, so that nobody has to read along."""

    def __init__(self, top: Path, begin: list[str], expression: list[str]) -> None:
        self._top = top
        self._output, self._errors = (os.fdopen(os.memfd_create("find"), "rb+") for _ in range(2))
        least = ["-mindepth", "1"] if begin == ["."] else []
        try:
            self._process = subprocess.Popen(  # noqa: S603 - a fixed command
                ["find", *begin, *least, *expression],  # noqa: S607 - wherever it is
                cwd=top,
                env=os.environ | {"LC_ALL": "C"},
                stdin=subprocess.DEVNULL,
                stdout=self._output,
                stderr=self._errors,
            )
        except FileNotFoundError:
            msg = "find is missing: install the package findutils"
            raise MachineError(msg) from None

    def output(self) -> bytes:
        """What it printed; waits for its end."""
        with self._output, self._errors:
            if self._process.wait():
                self._errors.seek(0)
                errors = self._errors.read(_MOST_ERROR_BYTES).decode(errors="replace").strip()
                if _TOO_LONG in errors:
                    msg = "a package made directories in each other, so deep that no path is long enough to name them"
                    raise UnsoundPrefixError(msg)
                msg = f"{self._top} cannot be read: {errors}"
                raise MachineError(msg)
            self._output.seek(0)
            return self._output.read()
