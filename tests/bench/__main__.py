"""Measures what condafs promises and says which promises hold. Run by `make bench`, never collected by pytest.

Every figure is a ratio against something run in the same minute, or has a bound of its own; each is the median of at
least five. Ends with 1 when a promise was missed.
"""

import argparse
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from condafs.demo.channel import make_channel
from tests.bench.again import measure_again
from tests.bench.building import measure_cold, measure_warm
from tests.bench.exporting import measure_exports
from tests.bench.flood import measure_flood
from tests.bench.large_catalog import measure_large_catalog
from tests.bench.mount import mounted
from tests.bench.result import Result, format_json, format_table
from tests.bench.running import measure_interpreters
from tests.bench.subject import Subject, choose_subject
from tests.bench.web import measure_web

LEAST_REPEAT = 5


def measure_one_mount(subject: Subject, scratch: Path, repeat: int) -> Iterator[Result]:
    """What can be measured on one daemon, one after the other."""
    with mounted(scratch / "warm") as mount:
        yield from measure_warm(subject, mount, scratch, repeat)
        yield from measure_again(subject, mount, "warm-0", "warm 0")
        yield from measure_interpreters(subject, mount, "warm-0")


def main(arguments: Sequence[str]) -> int:
    """Run the benchmarks that were asked for."""
    options = _parse(arguments)
    # As an exception, so that daemons are ended and directories removed on the way out.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    scratch = Path(tempfile.mkdtemp(prefix="condafs-bench-", dir=options.scratch))
    try:
        channel = options.channel or _embedded(scratch / "channel")
        subject = choose_subject(channel)
        benches: dict[str, Callable[[], Iterator[Result]]] = {
            "warm": lambda: measure_one_mount(subject, scratch, options.repeat),
            "cold": lambda: measure_cold(subject, scratch, options.repeat),
            "exports": lambda: measure_exports(subject, scratch, options.repeat),
            "flood": lambda: measure_flood(subject, scratch),
            "web": lambda: measure_web(subject, scratch, options.repeat),
            "catalog": lambda: measure_large_catalog(scratch),
        }
        print(f"channel {channel}: {len(subject.dependencies)} packages asked for", flush=True)
        results = []
        for name in options.only or benches:
            for result in benches[name]():
                results.append(result)
                print(format_table([result]), flush=True)
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    if options.json:
        options.json.write_text(format_json(results) + "\n")
    missed = sum(not result.is_kept for result in results)
    print(f"{len(results) - missed} promises kept, {missed} missed")
    return 1 if missed else 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("--channel", help="URL of a channel; without it one is made from this python")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    parser.add_argument(
        "--only", nargs="+", choices=["warm", "cold", "exports", "flood", "web", "catalog"], help="not everything"
    )
    parser.add_argument("--repeat", type=int, default=LEAST_REPEAT, help="rounds of each build (at least 5 count)")
    parser.add_argument("--scratch", type=Path, help="directory on the disk to measure on; its path must be short")
    return parser.parse_args(arguments)


def _embedded(out: Path) -> str:
    make_channel(out)
    return out.as_uri()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
