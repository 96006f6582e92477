"""The processes below a process: how a build is stopped without leaving anybody behind.

A process group alone is not enough: post-link scripts and pip start other people's code, which may call setsid. The
builder is therefore a subreaper (prctl(2), PR_SET_CHILD_SUBREAPER): whatever a script leaves running becomes the
builder's own child and is found below it in /proc.
"""

import contextlib
import ctypes
import os
import signal
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
_ROUNDS = 50
"""A process that forks faster than it is killed is given up after as many looks; the sandbox is for those."""


def adopt_orphans() -> None:
    """Make this process the parent of everything below it that loses its own."""
    ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def children_of(pid: int) -> list[int]:
    """The children of all its threads; empty when it is gone (proc(5), /proc/pid/task/tid/children)."""
    found: list[int] = []
    with contextlib.suppress(OSError):
        for task in Path(f"/proc/{pid}/task").iterdir():
            with contextlib.suppress(OSError):
                found += map(int, (task / "children").read_text().split())
    return found


def descendants_of(pid: int) -> list[int]:
    """Everything below a process, parents before children."""
    found: list[int] = []
    pending = [pid]
    while pending:
        below = children_of(pending.pop())
        found += below
        pending += below
    return found


def kill_descendants(pid: int) -> None:
    """SIGKILL everything below a process, again until nothing new is found; zombies do not count."""
    killed: set[int] = set()
    for _ in range(_ROUNDS):
        fresh = [child for child in descendants_of(pid) if child not in killed]
        if not fresh:
            return
        for child in fresh:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(child, signal.SIGKILL)
        killed.update(fresh)
