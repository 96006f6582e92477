"""Who uses a build: every process that runs from it, has mapped, opened or entered something of it, or was told of it.

Looked for in /proc (proc_pid_exe(5) and its neighbours), as nix looks for its roots: `exe`, `cwd`, `root`, `fd/*`,
`maps`, `environ` and `mountinfo`. A build is told by its name, which stands in every path below it where the builds
are mounted as a whole. Who has one build alone mounted somewhere (`podman run -v /envs/foo:/env`) shows its name in no
path but the mount's, so mounts are looked at once for each mount namespace. Hard links would make inodes say less.

What is not seen: a shell that was activated by itself (`environ` is what a process was started with), a name that is
only written down somewhere (a virtual environment, a kernelspec, a crontab), processes of other machines.
"""

import errno
import os
import re
from collections import defaultdict
from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from condafs.errors import InvalidNameError
from condafs.names import RESERVED_SUFFIXES, BuildName

PROC = Path("/proc")

_BUILD = re.compile(rb"/([0-9a-f]{64}-[\w.+\x80-\xff-]+)")
_GONE = frozenset({errno.ENOENT, errno.ESRCH, errno.EINVAL, errno.ENOTDIR})
_KERNEL_THREAD = 0x00200000  # PF_KTHREAD, linux/sched.h
_FLAGS_AT = 6  # field 9 of stat, counted from the state behind the name (proc_pid_stat(5))
_UID = re.compile(rb"^Uid:\t(\d+)", re.MULTILINE)
_HIDING = re.compile(r"\bhidepid=(?!0|off)\w+")


@dataclass(frozen=True, slots=True)
class Process:
    """One that is running."""

    pid: int
    uid: int
    name: str

    def __str__(self) -> str:
        return f"{self.name} ({self.pid})"


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen.

    Attributes:
        uses: Build -> the processes that use it.
        hidden: Processes that could not be looked into.
        is_partial: Whether there may be processes of others that do not even show (hidepid of proc(5)).
    """

    uses: Mapping[BuildName, Collection[Process]]
    hidden: Collection[Process] = ()
    is_partial: bool = False

    def words(self) -> dict[BuildName, list[str]]:
        """The uses as people read them."""
        return {build: [str(process) for process in processes] for build, processes in self.uses.items()}

    def blind_spot(self, uid: int, *, is_shared: bool) -> str:
        """Why this cannot be trusted, "" when it can.

        Args:
            uid: Who looked.
            is_shared: Whether others may use the mount at all. A process of one's own that hides (ssh-agent, a setuid
                program) is nobody's environment, as far as anybody can tell.
        """
        others = {process.uid for process in self.hidden if process.uid != uid}
        if not is_shared or not (others or self.is_partial):
            return ""
        count = sum(process.uid != uid for process in self.hidden)
        return f"{count} processes of {len(others)} other users" if others else "processes of others (hidepid)"


def look(proc: Path = PROC, *, partly: Collection[int] = ()) -> Look:
    """Look at every process there is; some 0.2 ms for each.

    Args:
        proc: Where processes are listed.
        partly: Processes whose files and mounts do not count: the daemon's own, which reads what it exports and
            mounts what it makes.
    """
    uses: dict[BuildName, list[Process]] = defaultdict(list)
    hidden: list[Process] = []
    views: set[bytes] = set()
    for pid in filter(str.isdecimal, os.listdir(proc)):  # noqa: PTH208 - hundreds of names
        directory = f"{proc}/{pid}"
        try:
            found = _builds_in(_read(directory, views, is_whole=int(pid) not in partly))
        except OSError as error:
            # Whatever keeps one from being read, nobody knows what it uses.
            if error.errno not in _GONE and (process := _process(directory)):
                hidden.append(process)
            continue
        if found and (process := _process(directory)):
            for build in found:
                uses[build].append(process)
    return Look(dict(uses), tuple(hidden), is_partial=os.geteuid() != 0 and _is_hiding(proc))


def with_children(pid: int, proc: Path = PROC) -> list[int]:
    """A process and those that it started (proc_tid_children(5)); it alone where the kernel does not tell."""
    found = [pid]
    with suppress(OSError):
        for thread in (proc / str(pid) / "task").iterdir():
            with suppress(FileNotFoundError):
                found += map(int, (thread / "children").read_text(encoding="ascii").split())
    return found


def _is_hiding(proc: Path) -> bool:
    try:
        lines = (proc / "self" / "mountinfo").read_text(encoding="latin-1").splitlines()
    except OSError:
        return False
    return any(f" {proc} " in line and _HIDING.search(line) for line in lines)


def _read(directory: str, views: set[bytes], *, is_whole: bool) -> bytes:
    """All of a process that may name a build; nothing of a thread of the kernel.

    Args:
        directory: Of the process.
        views: Of mounts that were read already; grows.
        is_whole: Whether files and mounts count.

    Raises:
        OSError: It is gone, or may not be looked into.
    """
    if _is_kernels(_content(f"{directory}/stat")):
        return b""
    directory = _living_thread(directory)
    texts = [_target(f"{directory}/{name}") for name in ("exe", "cwd", "root")]
    texts.append(_content(f"{directory}/environ"))
    if is_whole:
        files = f"{directory}/fd"
        texts += [_content(f"{directory}/maps"), *(_target(f"{files}/{fd}") for fd in os.listdir(files))]  # noqa: PTH208
        texts.append(_mounts(directory, views))
    return b"\n".join(texts)


def _mounts(directory: str, views: set[bytes]) -> bytes:
    """What is mounted where, if no other process with that view of it was read: thousands share the machine's.

    A process sees the mounts of its namespace that are below its root (proc_pid_mountinfo(5)). Lines name what is
    mounted (field 4), where (5), and the layers of an overlay (the options in the end).
    """
    namespace = _target(f"{directory}/ns/mnt")
    view = namespace + _target(f"{directory}/root")
    if not namespace or view in views:
        return b""
    found = _content(f"{directory}/mountinfo")
    views.add(view)
    return found


def _is_kernels(stat: bytes) -> bool:
    return bool(int(stat.rpartition(b") ")[2].split()[_FLAGS_AT]) & _KERNEL_THREAD)


def _process(directory: str) -> Process | None:
    """Who it is, which everybody may read; None of a thread of the kernel, and of what is gone."""
    try:
        stat, status = _content(f"{directory}/stat"), _content(f"{directory}/status")
    except OSError:
        return None
    uid = _UID.search(status)  # the owner of the directory is root's where a process hides
    if _is_kernels(stat) or uid is None:
        return None
    name = stat.rpartition(b") ")[0].partition(b"(")[2]
    return Process(int(directory.rpartition("/")[2]), int(uid[1]), name.decode(errors="replace"))


def _living_thread(directory: str) -> str:
    """The process, or its last thread: the first may have ended before the others, and shows nothing then."""
    try:
        os.readlink(f"{directory}/exe")  # noqa: PTH115 - only whether
    except OSError as error:
        threads = os.listdir(f"{directory}/task") if error.errno in _GONE else []  # noqa: PTH208 - names
        return f"{directory}/task/{max(threads, key=int)}" if len(threads) > 1 else directory
    return directory


def _content(path: str) -> bytes:
    with open(path, "rb", buffering=0) as file:  # noqa: PTH123 - thousands
        return file.readall()


def _target(path: str) -> bytes:
    """Where a link leads, as bytes of whatever encoding; nothing when it is gone."""
    try:
        return os.readlink(path.encode())  # noqa: PTH115 - see above
    except OSError as error:
        if error.errno not in _GONE:
            raise
        return b""


def _builds_in(text: bytes) -> set[BuildName]:
    """Builds in paths; `<build>.tar` of the mount is the export of one."""
    found = set()
    for name in set(_BUILD.findall(text)):
        word = name.decode("utf-8", "surrogateescape")
        for suffix in RESERVED_SUFFIXES:
            word = word.removesuffix(suffix)
        try:
            found.add(BuildName.parse(word))
        except InvalidNameError:
            continue
    return found


Looker: TypeAlias = Callable[[], Look]
