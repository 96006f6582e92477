"""Daemons and commands forked from a process that has imported everything: hundreds start, and that is half of it."""

import importlib
import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from multiprocessing.context import ForkServerProcess
from pathlib import Path

_PYTHONS = multiprocessing.get_context("forkserver")
_PYTHONS.set_forkserver_preload(["tests.mounted.scripted", "condafs.cli.application", "condafs.cli.mounting"])


def _run(program: str, arguments: Sequence[str], outputs: tuple[Path, Path], environment: Mapping[str, str]) -> None:
    """In the new process."""
    os.setsid()
    for number, place in enumerate(outputs, start=1):
        with place.open("ab") as output:
            os.dup2(output.fileno(), number)
    os.environ.clear()
    os.environ.update(environment)
    sys.argv = [program, *arguments]
    importlib.import_module(program).main()


class Forked:
    """A program that runs, with what tests use of `subprocess.Popen`.

    Args:
        program: A module whose `main` is a command line.
        arguments: Its own.
        outputs: Where it writes, standard output and standard error.
        environment: Its variables.
    """

    def __init__(
        self, program: str, arguments: Sequence[str], outputs: tuple[Path, Path], environment: Mapping[str, str]
    ) -> None:
        self._process: ForkServerProcess = _PYTHONS.Process(
            target=_run, args=(program, arguments, outputs, dict(environment))
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


def run_condafs(*arguments: "str | Path", timeout: float = 120) -> "subprocess.CompletedProcess[str]":
    """`condafs` with these arguments, as `subprocess.run` would; no terminal, no standard input."""
    words = list(map(str, arguments))
    with tempfile.TemporaryDirectory() as directory:
        outputs = Path(directory, "output"), Path(directory, "errors")
        process = Forked("condafs.cli", words, outputs, os.environ)
        try:
            code = process.wait(timeout)
        finally:
            process.kill()
        return subprocess.CompletedProcess(words, code, *(place.read_text() for place in outputs))
