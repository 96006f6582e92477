"""Interpreters started by the name in the mount, beside the same by the sealed prefix's own path."""

import os
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.mount import BenchError, Mount
from tests.bench.result import Result, median, spread
from tests.bench.subject import Subject

_STARTS = 41
_IMPORTS = 15


def measure_interpreters(subject: Subject, mount: Mount, name: str) -> Iterator[Result]:
    """`python -c pass` and a heavy import, both ways in turns."""
    by_name = mount.path / name / "bin" / "python"
    sealed = mount.path.joinpath(name).resolve() / "bin" / "python"
    for code, times, bound in (("pass", _STARTS, 1.10), (f"import {subject.heavy_module}", _IMPORTS, 1.05)):
        ours, native = _in_turns(by_name, sealed, code, times)
        yield Result(
            f"python -c '{code}' by the name, of the same by the sealed path",
            median(ours) / median(native),
            bound,
            "x",
            f"by name {spread(ours)}; sealed {spread(native)}",
        )


def _in_turns(one: Path, other: Path, code: str, times: int) -> tuple[list[float], list[float]]:
    ones, others = [], []
    _run(one, code)  # the first reads the files from the disk
    _run(other, code)
    for _ in range(times):
        ones.append(_run(one, code))
        others.append(_run(other, code))
    return ones, others


def _run(python: Path, code: str) -> float:
    """Seconds from spawning to the end; no more of Python around it than needed."""
    arguments = [str(python), "-c", code]
    environment = {"PATH": os.defpath, "HOME": "/nonexistent", "LANG": "C.UTF-8"}
    started = time.perf_counter()
    pid = os.posix_spawn(arguments[0], arguments, environment)
    _, status = os.waitpid(pid, 0)
    seconds = time.perf_counter() - started
    if status:
        message = f"{arguments} ended with {os.waitstatus_to_exitcode(status)}"
        raise BenchError(message)
    return seconds
