"""From close() to a name that resolves, beside rattler alone making the same environment.

Nothing is removed between rounds: for minutes after a removal of many files ext4 looks at each removed inode before it
gives out a new one (fs/ext4/ialloc.c, recently_deleted), and making 30,000 files takes ten times as long (measured:
4.9 s became 36 s).
"""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.mount import Mount, as_installed, mounted
from tests.bench.result import Result, median, spread
from tests.bench.subject import Subject

_WARM_FACTOR = 1.2
_WARM_SECONDS = 0.3


def make_bare(subject: Subject, prefix: Path, packages: Path) -> float:
    """Seconds that the bare script takes from start to end; what it leaves to be written is written after that."""
    started = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "tests.bench.bare", subject.channel, prefix, packages, *subject.dependencies],
        check=True,
        env=as_installed(),
    )
    seconds = time.perf_counter() - started
    os.sync()  # or condafs, which waits for the disk, would wait for this as well
    return seconds


def measure_warm(subject: Subject, mount: Mount, scratch: Path, repeat: int) -> Iterator[Result]:
    """A new specification of packages that are in the cache."""
    bare, ours = [], []
    for round_number in range(repeat + 1):
        prefix = scratch / f"warm-{round_number}"
        bare_seconds = make_bare(subject, prefix, scratch / "bare-packages")
        our_seconds = mount.build(f"warm-{round_number}", subject.specification(f"warm {round_number}"))
        if round_number:  # the first one fills the caches
            bare.append(bare_seconds)
            ours.append(our_seconds)
    allowed = _WARM_FACTOR * median(bare) + _WARM_SECONDS
    yield Result(
        "new specification, warm cache: close() to resolving, of the allowance",
        median(ours) / allowed,
        1,
        "x",
        f"condafs {spread(ours)}; bare {spread(bare)}; allowance 1.2 x bare + 0.3 s = {allowed:.3g} s",
    )


def measure_cold(subject: Subject, scratch: Path, repeat: int) -> Iterator[Result]:
    """The same with no package in the cache."""
    bare, ours, compiling = [], [], []
    for round_number in range(repeat):
        prefix, packages = scratch / f"cold-{round_number}", scratch / f"cold-packages-{round_number}"
        bare.append(make_bare(subject, prefix, packages))
        compiling.append(_compile_cpu_seconds(prefix))
        with mounted(scratch / f"c{round_number}") as mount:
            ours.append(mount.build("cold", subject.specification("cold")))
    cores = len(os.sched_getaffinity(0))
    allowed = _WARM_FACTOR * median(bare) + median(compiling) / cores
    yield Result(
        "new specification, first time ever: close() to resolving, of the allowance",
        median(ours) / allowed,
        1,
        "x",
        f"condafs {spread(ours)}; bare {spread(bare)}; compileall {spread(compiling)} of CPU on {cores} cores; "
        f"allowance 1.2 x bare + CPU / cores = {allowed:.3g} s",
    )


def _compile_cpu_seconds(prefix: Path) -> float:
    """CPU time of compileall on whatever came without bytecode; what came with it is skipped."""
    libraries = [str(path) for path in prefix.glob("lib/python3.*/site-packages")]
    compiler = subprocess.Popen(
        [prefix / "bin" / "python", "-m", "compileall", "-q", *libraries],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,  # packages ship modules that were never meant to compile
    )
    _, _, usage = os.wait4(compiler.pid, 0)
    compiler.returncode = 0
    return usage.ru_utime + usage.ru_stime
