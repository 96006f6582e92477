"""One pass over a prefix: what is there, and (in the same pass) nothing writable left of it.

A directory stands before what it holds; there is no other order. Rows are kept as columns, because an environment has
some 45,000 of them and each Python object of its own costs more than the system call that fills it. GNU find and chmod
do the work, a process for each core: os.scandir with a stat and a chmod for each took three times as long, and whoever
waits for a build waits for this.
"""

import itertools
import os
import re
import subprocess
from collections import deque
from dataclasses import dataclass, field
from pathlib import Path

from condafs.errors import MachineError

TOP = 0xFFFFFFFF
"""Parent of what lies in the prefix itself."""

DIRECTORY, FILE, EXECUTABLE, LINK = b"dfxl"

_KINDS = {
    ("d", True): DIRECTORY,
    ("d", False): DIRECTORY,
    ("l", True): LINK,
    ("f", True): EXECUTABLE,
    ("f", False): FILE,
}
"""By type and whether anybody may execute it."""

DROPPED = 0o6222
"""Nobody writes to a build (0222), and nothing in it may lend its owner's rights (setuid, setgid: 6000)."""

_TO_SEAL = ["(", "-type", "f", "-o", "-type", "d", ")", "(", "-perm", f"/{DROPPED:o}", "-o", "!", "-perm", "-444", ")"]
"""What is writable or has a special bit, or is not for everybody: rattler writes some files for the daemon alone."""

_SEALING = ["chmod", "a-w,u-s,g-s,a+rX", "--"]

_FORMAT = "%y%m %n\\0%s\\0%T@\\0%p\\0%l\\0"
"""Type, mode (octal) and number of links; size; mtime (seconds with ten decimals); path; target: find(1)."""

_FIELDS = 5

_SHARES = 8
"""Pieces that a walk is divided into."""

_SPINE = re.compile(r"\./lib(/python3[^/]*(/site-packages)?)?")

_MAX_ARGUMENT_BYTES = 1 << 20
"""Half of what execve(2) takes; a directory of more names than that is walked in one piece."""


@dataclass(slots=True)
class Columns:
    """The rows of a walk, by column; `targets` has one entry for each link, in order of the rows.

    Attributes:
        own_bytes: Bytes of files with one name, and of directories: what the package cache does not hold anyway.
    """

    kinds: bytearray = field(default_factory=bytearray)
    parents: list[int] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    mtimes_ns: list[int] = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    targets: list[str] = field(default_factory=list)
    own_bytes: int = 0


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

    def finish(self) -> Columns:
        """Wait until everything is read. Sockets, pipes and devices are passed over.

        Returns:
            The rows.

        Raises:
            MachineError: Some of it could not be read or sealed.
        """
        columns, row_of = Columns(), {"": TOP}
        while self._at_work:
            fields = self._at_work.popleft().fields()
            self._start_next()  # which works while this one's rows are taken
            _add(columns, row_of, fields)
        return columns


def walk(top: Path, *, skip: str = "", read_only: bool = False) -> Columns:
    """Begin a walk and finish it; see `Walk`."""
    return Walk(top, skip=skip, read_only=read_only).finish()


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

    def fields(self) -> list[str]:
        """The fields of all rows, one after the other."""
        with self._output, self._errors:
            if self._process.wait():
                self._errors.seek(0)
                msg = f"{self._top} cannot be read: {self._errors.read().decode(errors='replace').strip()}"
                raise MachineError(msg)
            self._output.seek(0)
            return self._output.read().decode("utf-8", "surrogateescape").split("\0")[:-1]


def _add(columns: Columns, row_of: dict[str, int], fields: list[str]) -> None:
    """Add the rows of some fields; `row_of` knows the directories so far, and `` for the top."""
    sorts = fields[0::_FIELDS]
    kind_of = {sort: _KINDS.get((sort[0], _is_executable(sort)), 0) for sort in set(sorts)}
    kinds = bytearray(map(kind_of.__getitem__, sorts))
    if 0 in kinds:  # a pipe, socket or device: rare enough to begin anew without it
        kept = [row for row, kind in enumerate(kinds) if kind]
        _add(columns, row_of, [field for row in kept for field in fields[row * _FIELDS : (row + 1) * _FIELDS]])
        return
    sizes = list(map(int, fields[1::_FIELDS]))
    # A row is of our own when it is a directory or a file of one name.
    own = {sort for sort, kind in kind_of.items() if kind == DIRECTORY or (kind != LINK and sort.endswith(" 1"))}
    columns.own_bytes += sum(itertools.compress(sizes, map(own.__contains__, sorts)))
    paths = [path[2:] for path in fields[3::_FIELDS]]
    first = len(columns.kinds)
    for row, kind in enumerate(kinds):
        if kind == DIRECTORY:
            sizes[row] = 0
            row_of[paths[row]] = first + row
    halves = [path.rpartition("/") for path in paths]
    columns.kinds += kinds
    columns.parents += [row_of[parent] for parent, _, _ in halves]
    columns.sizes += sizes
    columns.mtimes_ns += [int(seconds.replace(".", "")[:-1]) for seconds in fields[2::_FIELDS]]
    columns.names += [name for _, _, name in halves]
    columns.paths += paths
    columns.targets += itertools.compress(fields[4::_FIELDS], map(LINK.__eq__, kinds))


def _is_executable(sort: str) -> bool:
    """Whether anybody may execute `f755 3`; everybody may when it is sealed."""
    return bool(int(sort[1:].partition(" ")[0], 8) & 0o111)
