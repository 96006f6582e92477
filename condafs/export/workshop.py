"""Processes that lay out and hash exports: quiet ones in the background, quick ones when somebody waits.

Laying out takes a second or two for a large environment and is mostly Python; in the daemon it would hold the lock that
everybody's readlink needs.
"""

import logging
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress

import trio

from condafs.errors import MachineError

logger = logging.getLogger(__name__)


class Job:
    """Work in a process of its own, that any number of tasks may wait for."""

    def __init__(self) -> None:
        self.done = trio.Event()
        self.error: MachineError | None = None
        self._process: trio.Process | None = None
        self._is_urgent = False

    def hurry(self) -> None:
        """Somebody waits: no longer in the background."""
        self._is_urgent = True
        if self._process is not None:
            _hurry(self._process.pid)

    async def wait(self) -> None:
        """Wait for the end.

        Raises:
            MachineError: It failed.
        """
        self.hurry()
        await self.done.wait()
        if self.error:
            raise MachineError(str(self.error))  # one for each who waits: a traceback belongs to one of them

    def finish(self, error: MachineError | None = None) -> None:
        """It is over."""
        self.error = error
        self.done.set()

    @asynccontextmanager
    async def process(self, arguments: Sequence[str]) -> AsyncIterator[trio.Process]:
        """Run `python -m condafs.export`; killed at the end of the block if it has not ended.

        Args:
            arguments: Of the command.

        Raises:
            MachineError: What it said when it failed.
        """
        try:
            process = await trio.lowlevel.open_process(
                [sys.executable, "-P", "-m", "condafs.export", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )
        except OSError as error:  # no more processes, descriptors or memory
            msg = f"no process can be started: {error.strerror}"
            raise MachineError(msg) from None
        self._process = process
        _be_quiet(process.pid)
        if self._is_urgent:
            _hurry(process.pid)
        try:
            yield process
            assert process.stderr is not None  # noqa: S101 - a pipe
            words = b"".join([part async for part in process.stderr]).decode(errors="replace").strip()
            if code := await process.wait():
                raise MachineError(words.splitlines()[-1] if words else f"it ended with {code}")
        finally:
            self._process = None
            if process.returncode is None:
                process.kill()
            with trio.CancelScope(shield=True):
                await process.wait()
                for stream in (process.stdout, process.stderr):
                    if stream is not None:
                        await stream.aclose()


def _be_quiet(pid: int) -> None:
    with suppress(OSError):
        os.sched_setscheduler(pid, os.SCHED_IDLE, os.sched_param(0))


def _hurry(pid: int) -> None:
    with suppress(OSError):
        os.sched_setscheduler(pid, os.SCHED_OTHER, os.sched_param(0))
