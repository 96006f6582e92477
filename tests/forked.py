"""Daemons forked from a process that has imported everything: hundreds start, and importing is half of that."""

import importlib
import multiprocessing
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path

_PYTHONS = multiprocessing.get_context("forkserver")
_PYTHONS.set_forkserver_preload(["tests.mounted.scripted", "condafs.cli.application", "condafs.cli.mounting"])


def _run(program: str, arguments: Sequence[str], log: Path, environment: Mapping[str, str]) -> None:
    """In the new process."""
    os.setsid()
    with log.open("ab") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [program, *arguments]
    importlib.import_module(program).main()


class Forked:
    """A program that runs, with what tests use of `subprocess.Popen`.

    Args:
        program: A module whose `main` is a command line.
        arguments: Its own.
        log: Where it writes.
        environment: Its variables.
    """

    def __init__(self, program: str, arguments: Sequence[str], log: Path, environment: Mapping[str, str]) -> None:
        self._process: ForkServerProcess = _PYTHONS.Process(
            target=_run, args=(program, arguments, log, dict(environment))
        )
        self._process.start()
        assert self._process.pid
        self.pid = self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def wait(self, timeout: float | None = None) -> int:
        self._process.join(timeout)
        code = self._process.exitcode
        if code is None:
            assert timeout is not None
            raise subprocess.TimeoutExpired([str(self.pid)], timeout)
        return code

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            os.kill(self.pid, number)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)
