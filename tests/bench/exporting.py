"""Virtual archives, beside the programs that make real ones."""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from condafs.export.facts import LaidOut
from condafs.export.index import LAYERS, TAR
from condafs.export.layouts import read_layers
from tests.bench.mount import BenchError, Mount, mounted
from tests.bench.result import Result, median, percentile, spread
from tests.bench.subject import Subject

_REREAD_BYTES_PER_SECOND = 3e9
_AT_ONCE = 4
_PATIENCE_SECONDS = 120


def measure_exports(subject: Subject, scratch: Path, repeat: int) -> Iterator[Result]:
    """Reads `.tar` and `.oci` of one environment, and of a second one that shares most of it."""
    directory = scratch / "exports"
    with mounted(directory) as mount:
        mount.build("foo", subject.specification("exports"))
        prefix = mount.path.joinpath("foo").resolve()
        layouts = mount.state / "exports" / prefix.name
        _wait_for(layouts / LAYERS)
        yield _index_size(layouts, prefix)
        before = _memory(mount.pid)
        yield from _reading(mount, prefix, scratch, repeat)
        yield from _meanwhile(mount, _AT_ONCE, before)
        yield from _sharing(subject, mount)
    yield from _first_bytes(directory, repeat)


def _index_size(layouts: Path, prefix: Path) -> Result:
    sizes = {name: (layouts / name).stat().st_size for name in (TAR, LAYERS)}
    total = sum(entry.stat(follow_symlinks=False).st_size for entry in _files(prefix))
    detail = ", ".join(f"{name} {size / 1e6:.1f} MB" for name, size in sizes.items())
    return Result("an export's index, of the environment", max(sizes.values()) / total, 0.01, "x", detail)


def _files(top: Path) -> Iterator[os.DirEntry[str]]:
    for entry in os.scandir(top):
        if entry.is_dir(follow_symlinks=False):
            yield from _files(Path(entry.path))
        else:
            yield entry


def _reading(mount: Mount, prefix: Path, scratch: Path, repeat: int) -> Iterator[Result]:
    virtual, image = mount.path / "foo.tar", mount.path / "foo.oci"
    size = virtual.stat().st_size
    _cat(virtual)  # what it reads is in the page cache from now on
    ours, oci, theirs = [], [], []
    for _ in range(repeat):
        _forget(virtual)
        ours.append(_cat(virtual))
        _forget(image)
        oci.append(_cat(image))
        theirs.append(_seconds(["sh", "-c", 'tar cf - -C "$0" . | cat >/dev/null', str(prefix)]))
    speed = f"{size / median(ours) / 1e6:.0f} MB/s; cat {spread(ours)}; tar {spread(theirs)}"
    yield Result("cat foo.tar, of `tar cf - PREFIX | cat`", median(ours) / median(theirs), 1, "x", speed)
    detail = f"{image.stat().st_size / median(oci) / 1e6:.0f} MB/s; cat {spread(oci)}"
    yield Result("cat foo.oci, of `tar cf - PREFIX | cat`", median(oci) / median(theirs), 1, "x", detail)
    copy = scratch / "copy.tar"
    packed = [_conda_pack(prefix, copy) for _ in range(max(2, repeat // 2))]
    detail = f"conda-pack {spread(packed)}, {size / median(packed) / 1e6:.0f} MB/s"
    yield Result("cat foo.tar, of conda-pack's .tar", median(ours) / median(packed), 0.2, "x", detail)
    subprocess.run(["cp", virtual, copy], check=True)
    _cat(copy)
    again, native = [], []
    for _ in range(repeat):
        again.append(_cat(virtual))
        native.append(_cat(copy))
    copy.unlink()
    allowed = max(size / _REREAD_BYTES_PER_SECOND, median(native))
    detail = f"{size / median(again) / 1e9:.1f} GB/s; again {spread(again)}; a real file {spread(native)}"
    yield Result("reading foo.tar again, of 3 GB/s or a real file", median(again) / allowed, 1, "x", detail)


def _meanwhile(mount: Mount, count: int, before: int) -> Iterator[Result]:
    """Several readers at once: what it takes beside the memory of before, and whether others are answered."""
    paths = [mount.path / f"foo.{suffix}" for suffix in ("tar", "oci")]
    for path in paths:
        _forget(path)
    sampler = _sampler(mount)
    highest = before
    readers = [
        subprocess.Popen(
            ["dd", f"if={paths[number % 2]}", "of=/dev/null", "bs=1M", f"skip={number * 37}", "status=none"]
        )
        for number in range(count)
    ]
    while any(reader.poll() is None for reader in readers):
        highest = max(highest, _memory(mount.pid))
        time.sleep(0.02)
    answers, _ = sampler.communicate()
    seconds, asked = json.loads(answers)
    megabytes = (highest - before) / 1e6
    yield Result(f"memory for {count} exports read at once", megabytes, 64, "MB", f"from {before / 1e6:.0f} MB")
    detail = (
        f"n={len(seconds)}; of a reference, for which the daemon is asked: p99 {percentile(asked, 99) * 1000:.1f} ms"
    )
    yield Result("readlink p99 meanwhile", percentile(seconds, 99) * 1000, 5, "ms", detail)


def _sampler(mount: Mount) -> "subprocess.Popen[bytes]":
    # A reference of other digits than are listed is looked up by the daemon each time.
    digest = mount.path.joinpath("foo").resolve().name[:20]
    return subprocess.Popen(
        [sys.executable, "-m", "tests.bench.sampler", str(mount.path / "foo"), str(mount.path / f"foo@{digest}")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def _sharing(subject: Subject, mount: Mount) -> Iterator[Result]:
    """A second environment: only layers that it does not share are hashed."""
    first = _layers(mount, "foo")
    mount.build("bar", subject.specification("shared"))
    second = _layers(mount, "bar")
    shared = sum(layer.size for key, layer in second.items() if key in first)
    total = sum(layer.size for layer in second.values())
    detail = f"{(total - shared) / 1e6:.1f} of {total / 1e6:.0f} MB"
    yield Result("hashed for a second environment, of its bytes", (total - shared) / total, 0.1, "x", detail)


def _layers(mount: Mount, name: str) -> dict[str, LaidOut]:
    build = mount.path.joinpath(name).resolve().name
    path = mount.state / "exports" / build / LAYERS
    _wait_for(path)
    return {layer.key: layer for layer in read_layers(path)}


def _first_bytes(directory: Path, repeat: int) -> Iterator[Result]:
    """The first byte of each form, after a start."""
    for suffix in ("tar", "oci"):
        seconds = []
        for _ in range(repeat):
            with mounted(directory) as mount:
                time.sleep(1)  # the start is not what is measured
                started = time.perf_counter()
                with (mount.path / f"foo.{suffix}").open("rb", buffering=0) as file:
                    file.read(1)
                seconds.append(time.perf_counter() - started)
        yield Result(f"first byte of foo.{suffix}", median(seconds) * 1000, 50, "ms", spread(seconds))


def _conda_pack(prefix: Path, out: Path) -> float:
    options = ["-q", "-f", "-p", str(prefix), "-o", str(out), "--format", "tar", "--ignore-missing-files"]
    return _seconds([sys.executable, "-m", "conda_pack.cli", *options])


def _cat(path: Path) -> float:
    return _seconds(["sh", "-c", 'cat "$0" >/dev/null', str(path)])


def _seconds(command: Sequence[str]) -> float:
    started = time.perf_counter()
    subprocess.run(command, check=True)
    return time.perf_counter() - started


def _forget(path: Path) -> None:
    """Drop what the kernel keeps of a file."""
    fd = os.open(path, os.O_RDONLY)
    try:
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
    finally:
        os.close(fd)


def _memory(pid: int) -> int:
    """Proportional memory of a process and its children."""
    total = 0
    for process in (str(pid), *Path(f"/proc/{pid}/task/{pid}/children").read_text().split()):
        with contextlib.suppress(OSError):
            for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    total += int(line.split()[1]) * 1024
    return total


def _wait_for(path: Path) -> None:
    started = time.monotonic()
    while not path.exists():
        if time.monotonic() - started > _PATIENCE_SECONDS:
            message = f"{path} was not made"
            raise BenchError(message)
        time.sleep(0.05)
