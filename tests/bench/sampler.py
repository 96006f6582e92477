"""Asks what links point at, in turns, about a thousand times a second until its standard input is closed.

Usage: python -m tests.bench.sampler LINK...; prints the seconds that each answer took, as a JSON list for each link. A
process of its own, so that no other thread's turn is counted.
"""

import json
import os
import select
import sys
import time


def sample(links: list[str]) -> list[list[float]]:
    """Seconds of each readlink, by link."""
    seconds: list[list[float]] = [[] for _ in links]
    # The pause between two questions is also the look at standard input.
    while not select.select([sys.stdin], [], [], 0.001)[0]:
        for link, answers in zip(links, seconds, strict=True):
            started = time.perf_counter()
            os.readlink(link)
            answers.append(time.perf_counter() - started)
    return seconds


if __name__ == "__main__":
    print(json.dumps(sample(sys.argv[1:])))
