"""The processes below a process: how a build is stopped without leaving anybody behind.

A process group alone is not enough: post-link scripts and pip start other people's code, which may call setsid. The
builder is therefore a subreaper (prctl(2), PR_SET_CHILD_SUBREAPER): whatever a script leaves running becomes the
builder's own child and is found below it in /proc.
"""

import contextlib
import ctypes
import os
import select
import signal
import time
from collections.abc import Iterable
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36  # linux/prctl.h
_ROUNDS = 50
"""A process that forks faster than it is killed is given up after as many looks; the sandbox is for those."""

_DYING_SECONDS = 5


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


def kill_descendants(pid: int) -> set[int]:
    """SIGKILL everything below a process, again until nothing new is found; zombies do not count. Who was killed."""
    killed: set[int] = set()
    for _ in range(_ROUNDS):
        fresh = [child for child in descendants_of(pid) if child not in killed]
        if not fresh:
            break
        for child in fresh:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(child, signal.SIGKILL)
        killed.update(fresh)
    return killed


def wait_for_ends(pids: Iterable[int]) -> None:
    """Until they are dead, for a while at most: who hangs in the kernel is not waited for. Blocking."""
    deadline = time.monotonic() + _DYING_SECONDS
    for child in pids:
        with contextlib.suppress(ProcessLookupError):
            _wait_for_end(child, deadline - time.monotonic())


def _wait_for_end(pid: int, seconds: float) -> None:
    """Until a process is dead, whoever's child it is, for so long at most."""
    fd = os.pidfd_open(pid)
    try:
        select.select([fd], [], [], max(0.0, seconds))
    finally:
        os.close(fd)
