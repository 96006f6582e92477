"""What was built already: the same bytes, or a file that differs in comments only."""

import os
import time
from collections.abc import Iterator

from condafs.catalog.store import Catalog
from tests.bench.mount import READY_SECONDS, BenchError, Mount
from tests.bench.result import Result, median, spread
from tests.bench.subject import Subject

_REPEAT = 25
_BETWEEN_SECONDS = 0.02
"""Modification times are as coarse as the kernel's tick on some filesystems; two writes must not share one."""


def measure_again(subject: Subject, mount: Mount, name: str, label: str) -> Iterator[Result]:
    """Writes the specification of a ready environment again; nothing may be made."""
    same = subject.specification(label)
    before = _made(mount, name)
    _settle(mount, name, same)
    for title, texts in (
        ("the same bytes again", [same] * _REPEAT),
        ("only comments differ", [f"# round {number}\n{same}" for number in range(_REPEAT)]),
    ):
        seconds = [_settle(mount, name, text) for text in texts]
        yield Result(f"{title}: written until settled", median(seconds) * 1000, 20, "ms", spread(seconds))
    yield Result(
        "the same again: things made", float(before != _made(mount, name)), 0, "", "builds, generations, target"
    )


def _settle(mount: Mount, name: str, text: str) -> float:
    """Seconds from opening the file until the catalog remembers what became of exactly this content."""
    file_name = f"{name}.yaml"
    time.sleep(_BETWEEN_SECONDS)
    with Catalog.open_read_only(mount.state / "catalog") as catalog:
        started = time.perf_counter()
        (mount.specs / file_name).write_text(text)
        written = (mount.state / "specs" / file_name).stat().st_mtime_ns
        while True:
            with catalog.snapshot() as snapshot:
                record = snapshot.file(file_name)
            if record is not None and record.mtime_ns == written:
                return time.perf_counter() - started
            if time.perf_counter() - started > READY_SECONDS:
                message = f"{file_name} was not settled: {record}"
                raise BenchError(message)
            time.sleep(0.0002)


def _made(mount: Mount, name: str) -> tuple[str, list[str], list[str]]:
    target = os.readlink(mount.path / name)
    generations = sorted(path.name for path in (mount.path / ".history" / name).iterdir())
    return target, generations, sorted(path.name for path in (mount.state / "builds").iterdir())
