"""Daemons forked from a process that has imported everything: hundreds start, and importing is half of that."""

import multiprocessing
import os
import signal
import subprocess
from multiprocessing.context import ForkServerProcess
from pathlib import Path

_PYTHONS = multiprocessing.get_context("forkserver")
_PYTHONS.set_forkserver_preload(["tests.mounted.scripted"])


def _run(arguments: list[str], log: Path, notify_socket: str) -> None:
    """In the new process."""
    os.setsid()
    with log.open("ab") as output:
        os.dup2(output.fileno(), 1)
        os.dup2(output.fileno(), 2)
    os.environ["NOTIFY_SOCKET"] = notify_socket
    from tests.mounted.scripted import main  # noqa: PLC0415 - imported already, but by who forks

    main(arguments)


class Forked:
    """A daemon that runs, with what tests use of `subprocess.Popen`."""

    def __init__(self, arguments: list[str], log: Path, notify_socket: str) -> None:
        self._process: ForkServerProcess = _PYTHONS.Process(target=_run, args=(arguments, log, notify_socket))
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
