"""A catalog of 10,000 names and 100,000 builds: starting, listing, resolving, memory."""

import hashlib
import os
import random
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from condafs.catalog.records import BuildRecord, BuildState, EnvironmentRecord, FileRecord
from condafs.catalog.store import Catalog
from condafs.catalog.transaction import Transaction
from condafs.names import BuildName, EnvironmentName, SpecDigest
from tests.bench.mount import Mount, mounted
from tests.bench.result import Result, median, percentile, spread

_NAMES = 10_000
_GENERATIONS = 10
_REPEAT = 5
_NAMES_A_TRANSACTION = 500
_MEGABYTE = 1_000_000


def measure_large_catalog(scratch: Path) -> Iterator[Result]:
    """Fills a state directory as that many builds would have left it, then serves it."""
    directory = scratch / "large"
    names = fill_large_catalog(directory / "state")
    size = f"{_NAMES:,} names, {_NAMES * _GENERATIONS:,} builds"
    starts = []
    for _ in range(_REPEAT):
        with mounted(directory) as mount:
            starts.append(mount.ready_seconds)
    yield Result(f"{size}: start to ready", median(starts), 2, "s", spread(starts))
    with mounted(directory) as mount:
        listings = [_list_seconds(mount) for _ in range(_REPEAT)]
        yield Result(f"{size}: ls", median(listings), 1, "s", spread(listings))
        links = [str(mount.path / name) for name in names]
        random.Random(1).shuffle(links)  # noqa: S311 - an order, not a secret
        first, answers = _resolve(links), _resolve(links)
        yield Result(
            f"{size}: readlink p50",
            median(answers) * 1e6,
            60,
            "us",
            f"p99 {percentile(answers, 99) * 1e6:.0f} us; first time, with lookup, p50 {median(first) * 1e6:.0f} us",
        )
        yield Result(
            f"{size}: resident memory", mount.resident_bytes() / _MEGABYTE, 150, "MB", "after all of the above"
        )


def fill_large_catalog(state: Path) -> list[str]:
    """Make a state directory with that many names, which are returned, and builds."""
    names = [f"environment-{number:05}" for number in range(_NAMES)]
    _fill(state, names)
    return names


def _fill(state: Path, names: list[str]) -> None:
    builds, specs = state / "builds", state / "specs"
    for directory in (builds, specs):
        directory.mkdir(parents=True)
    with Catalog.open(state / "catalog") as catalog:
        for begin in range(0, len(names), _NAMES_A_TRANSACTION):
            catalog.write_now(_writer(names[begin : begin + _NAMES_A_TRANSACTION], builds, specs))


def _writer(names: list[str], builds: Path, specs: Path) -> Callable[[Transaction], None]:
    def write(transaction: Transaction) -> None:
        for name in map(EnvironmentName, names):
            digests = [_publish(transaction, name, generation, builds) for generation in range(1, _GENERATIONS + 1)]
            transaction.put_file(_specification_file(specs / f"{name}.yaml", name, digests[-1]))
            transaction.put_environment(
                EnvironmentRecord(name, digests[-1], digests[-1], _GENERATIONS, f"{name}.yaml", os.getuid(), 1.0)
            )

    return write


def _publish(transaction: Transaction, name: EnvironmentName, generation: int, builds: Path) -> SpecDigest:
    canonical = f'{{"name":"{name}","variables":{{"GENERATION":"{generation}"}}}}'.encode()
    build = BuildName(SpecDigest(hashlib.sha256(canonical).hexdigest()), name)
    (builds / str(build)).mkdir()
    transaction.put_specification(build.digest, canonical)
    transaction.put_build(
        BuildRecord(
            build,
            BuildState.READY,
            transaction.next_sequence(),
            generation,
            attempts=1,
            submitted=1.0,
            started=2.0,
            finished=3.0,
            size_bytes=10**9,
            own_bytes=10**7,
            package_count=150,
        )
    )
    return build.digest


def _specification_file(path: Path, name: EnvironmentName, digest: SpecDigest) -> FileRecord:
    content = f"name: {name}\ndependencies: [python]\n".encode()
    path.write_bytes(content)
    found = path.stat()
    sha256 = hashlib.sha256(content).hexdigest()
    return FileRecord(path.name, sha256, found.st_size, found.st_mtime_ns, digest, name)


def _list_seconds(mount: Mount) -> float:
    started = time.perf_counter()
    subprocess.run(["ls", mount.path], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - started


def _resolve(links: list[str]) -> list[float]:
    """Seconds of each readlink."""
    seconds = []
    for link in links:
        started = time.perf_counter()
        os.readlink(link)
        seconds.append(time.perf_counter() - started)
    return seconds
