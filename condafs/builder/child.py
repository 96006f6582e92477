"""A builder as its parent sees it: a process in a session of its own, ended with everything below it."""

import contextlib
import os
import signal
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

import trio

from condafs.builder.offspring import kill_descendants, wait_for_ends

_SIGNALLED = 128
"""What shells, and others, add to the number of a signal."""


@dataclass(frozen=True, slots=True)
class Child:
    """A process, and the socket that is its standard input: it lives as long as the socket is open."""

    process: trio.Process
    line: trio.SocketStream

    def is_usable(self) -> bool:
        """Whether it runs still."""
        return self.process.poll() is None

    async def end(self) -> None:
        """Kill what is left of it, and wait for it; nothing of it runs when this returns."""
        process, killed = self.process, set[int]()
        if process.returncode is None:
            # Stopped first, so that nothing new appears below it while what is there is being killed.
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signal.SIGSTOP)
            killed = kill_descendants(process.pid)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
        await process.wait()
        await trio.to_thread.run_sync(wait_for_ends, killed)
        await self.line.aclose()
        if process.stdout:
            await process.stdout.aclose()


async def start_child(command: Sequence[str]) -> Child:
    """Start a command; standard output comes through a pipe, standard error is ours.

    Raises:
        OSError: when it cannot be started.
    """
    ours, theirs = socket.socketpair()  # not trio's: the child's end has to block
    with theirs, contextlib.ExitStack() as undo:
        undo.callback(ours.close)
        process = await trio.lowlevel.open_process(
            list(command), stdin=theirs.fileno(), stdout=subprocess.PIPE, start_new_session=True, cwd="/"
        )
        undo.pop_all()
    return Child(process, trio.SocketStream(trio.socket.from_stdlib_socket(ours)))


def describe_death(status: int | None, who: str, limit: str = "") -> str:
    """What to say of a process that ended without saying how it went.

    Args:
        status: As `subprocess` counts: negative for a signal.
        who: As `the builder`.
        limit: What sets its memory limit, as ` (build-memory-bytes)`.
    """
    if status is not None and status > _SIGNALLED:  # as bubblewrap tells it of what it ran
        status = _SIGNALLED - status
    if status is None or status >= 0:
        return f"{who} ended with status {status} without saying how it went"
    name = signal.Signals(-status).name if -status in set(signal.Signals) else f"signal {-status}"
    message = f"{who} was killed by {name}"
    if -status == signal.SIGKILL:
        message += "; when nobody did that by hand, the machine had no memory left (`dmesg` says so)"
    if -status == signal.SIGABRT:
        message += f"; it may have reached its memory limit{limit}"
    return message
