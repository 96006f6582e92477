"""What condafs has to bear, for as long as one likes. Run by `make endurance`, never collected by pytest.

    python -m tests.endurance [--only kills|power|full|suites ...] [--rounds N] [--minutes M] [--scratch DIR]

Ends with 1 when anything was lost, wrong or unanswered.
"""

import argparse
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from condafs.demo.channel import make_channel
from tests.endurance.full_disk import fill_the_disk
from tests.endurance.kills import kill_often
from tests.endurance.power import cut_the_power
from tests.endurance.suites import run_suites


def main(arguments: Sequence[str]) -> int:
    """Run what was asked for."""
    parser = argparse.ArgumentParser(prog="make endurance", description=__doc__)
    parser.add_argument("--only", nargs="+", choices=["kills", "power", "full", "suites"], help="not everything")
    parser.add_argument("--rounds", type=int, default=50, help="kills, and cuts of power")
    parser.add_argument("--minutes", type=float, default=60, help="of other people's test suites, in all")
    parser.add_argument("--scratch", type=Path, help="directory to work in; its path must be short")
    options = parser.parse_args(arguments)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    scratch = Path(tempfile.mkdtemp(prefix="condafs-e-", dir=options.scratch))
    try:
        make_channel(scratch / "channel")
        channel = (scratch / "channel").as_uri()
        works: dict[str, Callable[[], list[str]]] = {
            "kills": lambda: kill_often(channel, scratch / "k", options.rounds),
            "power": lambda: cut_the_power(channel, scratch / "p", options.rounds),
            "full": lambda: fill_the_disk(channel, scratch / "f"),
            "suites": lambda: run_suites(scratch / "s", options.minutes),
        }
        complaints = []
        for name in options.only or works:
            found = works[name]()
            print(f"{name}: {'all is well' if not found else f'{len(found)} complaints'}", flush=True)
            complaints += found
    finally:
        shutil.rmtree(scratch, ignore_errors=True)
    for complaint in complaints:
        print(complaint, file=sys.stderr)
    return 1 if complaints else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
