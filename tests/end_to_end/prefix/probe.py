# ruff: noqa: T201 - what it prints is its answer
"""Runs inside the environment: says it is ready, waits until the name has moved, tells what it then sees.

Its arguments are the ways of multiprocessing to try; it prints one JSON object, way -> what was seen. It is also
copied into the environment as an entry point, and speaks only what every python of the channels understands.
"""

import json
import multiprocessing
import os
import subprocess
import sys
import sysconfig


def look() -> "dict[str, object]":
    """What a process knows of itself and finds when it imports for the first time."""
    import wave  # noqa: PLC0415

    import generation  # type: ignore[import-not-found]  # noqa: PLC0415 - late on purpose
    import imported_late  # type: ignore[import-not-found]  # noqa: PLC0415

    return {
        "prefix": sys.prefix,
        "base_prefix": sys.base_prefix,
        "executable": sys.executable,
        "base_executable": sys._base_executable,  # type: ignore[attr-defined]
        "stdlib": os.path.dirname(os.__file__),
        "late stdlib": os.path.dirname(wave.__file__),
        "purelib": sysconfig.get_path("purelib"),
        "generations": [generation.NUMBER, imported_late.NUMBER],
    }


def main() -> None:
    """Wait for the flip, look around, in children too."""
    print("ready", flush=True)
    if sys.stdin.readline() == "look\n":
        print(json.dumps(look()))
        return
    seen = {"itself": look()}
    child = subprocess.run([sys.executable, __file__], input="look\n", stdout=subprocess.PIPE, text=True, check=True)
    seen["subprocess"] = json.loads(child.stdout.splitlines()[1])
    for way in sys.argv[1:]:
        with multiprocessing.get_context(way).Pool(1) as pool:
            seen[way] = pool.apply(look)
    print(json.dumps(seen))


if __name__ == "__main__":
    main()
