"""A thousand specifications copied at once, while somebody asks where an environment is."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from tests.bench.mount import BUILD_SECONDS, BenchError, Mount, mounted
from tests.bench.result import Result, median, percentile
from tests.bench.subject import Subject

_COUNT = 1000
_PERCENT = 99


def measure_flood(subject: Subject, scratch: Path) -> Iterator[Result]:
    """Acceptance, loss and the answers meanwhile."""
    source = scratch / "thousand"
    source.mkdir()
    names = [f"flood-{number:04}" for number in range(_COUNT)]
    for name in names:
        (source / f"{name}.yaml").write_text(subject.specification(name, dependencies=()))
    with mounted(scratch / "flood") as mount:
        mount.build("meanwhile", subject.specification("meanwhile", dependencies=()))
        copy_seconds, accept_seconds, (answers, asked) = _copy(source, mount, names)
    with mounted(scratch / "flood") as mount:
        lost = _lost(mount, names)
        finish_seconds = _finish(mount, names)
    yield Result(f"{_COUNT} specifications copied at once: lost", len(lost), 0, "", ", ".join(lost[:5]))
    yield Result(
        f"{_COUNT} specifications copied at once: readlink p{_PERCENT} meanwhile",
        percentile(answers, _PERCENT) * 1000,
        5,
        "ms",
        f"copied in {copy_seconds:.2f} s, all accepted after {accept_seconds:.2f} s; "
        f"p50 {median(answers) * 1e6:.0f} us, slowest {max(answers) * 1000:.1f} ms of {len(answers)}; "
        f"of a reference, which the daemon is asked for each time, p50 {median(asked) * 1000:.2f} ms, "
        f"p{_PERCENT} {percentile(asked, _PERCENT) * 1000:.1f} ms; "
        f"all built {finish_seconds:.0f} s after the restart that followed",
    )


def _copy(source: Path, mount: Mount, names: list[str]) -> tuple[float, float, list[list[float]]]:
    link = mount.path / "meanwhile"
    reference = f"{link}@{os.readlink(link)[:8]}"
    with subprocess.Popen(
        [sys.executable, "-m", "tests.bench.sampler", link, reference],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    ) as sampler:
        started = time.perf_counter()
        subprocess.run(["cp", "-r", f"{source}/.", f"{mount.specs}/"], check=True)
        copied = time.perf_counter()
        while len(_accepted(mount, names)) < len(names):
            time.sleep(0.05)
            if time.perf_counter() - started > BUILD_SECONDS:
                message = "not all were accepted"
                raise BenchError(message)
        accepted = time.perf_counter()
        answers, _ = sampler.communicate()
    return copied - started, accepted - started, json.loads(answers)


def _accepted(mount: Mount, names: list[str]) -> set[str]:
    refused = [path.name for path in mount.specs.glob("*.error")]
    if refused:
        message = f"refused: {refused[:5]}"
        raise BenchError(message)
    return {path.name for path in (mount.path / ".status").iterdir()} & set(names)


def _lost(mount: Mount, names: list[str]) -> list[str]:
    """Names that nothing is known of, or nothing will become of."""
    known = _accepted(mount, names)
    going_on = ("state: queued", "state: building", "state: waiting", "state: ready")
    return [name for name in names if name not in known or not any(word in mount.status(name) for word in going_on)]


def _finish(mount: Mount, names: list[str]) -> float:
    started = time.perf_counter()
    for name in names:
        mount.wait_until_it_resolves(name)
    return time.perf_counter() - started
