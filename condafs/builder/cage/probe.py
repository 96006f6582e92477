"""What builders would be made in, found out by making one in a throw-away place: for `condafs doctor`.

`python -m condafs.builder.cage.probe DIRECTORY [LEVEL]` closes both rings around itself and runs a program inside; it
prints why that failed, or nothing.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from condafs.builder.cage.inmate import Order
from condafs.builder.cage.keeper import CageKeeper, Limits
from condafs.builder.cage.level import Level, Reached
from condafs.builder.cage.outside import Outside, look_outside
from condafs.builder.cage.rings import close_outer_ring, reached_within
from condafs.builder.cage.view import View
from condafs.builder.cage.warden import fork_warden

_PATIENCE_SECONDS = 30


def find_level(setting: str, state: Path, *, in_unit: bool = False) -> Reached:
    """What builds are made in under that setting, as far as this user can find out.

    Args:
        setting: `sandbox`.
        state: The state directory; when it is not there or not one's own, another stands in for it.
        in_unit: Whether builders are another user, in units of their own.
    """
    if setting == str(Level.NONE):
        return Reached(Level.NONE, (), ("the settings want none",))
    with tempfile.TemporaryDirectory(prefix="condafs-sandbox-") as directory:
        for name in ("builds", "packages", "specs", "catalog"):
            (Path(directory) / name).mkdir()
        is_ours = all(os.access(state / name, os.W_OK) for name in ("builds", "packages"))
        place = state if is_ours else Path(directory)
        outside = Outside(Level.UNIT) if in_unit else look_outside(setting, place)
        reached = reached_within(outside.level, is_root=False if in_unit else None)
        if reached.level is not Level.NONE and (problem := _try_out(outside, place)):
            return Reached(Level.NONE, (), (problem,))
        lacks = (*reached.lacks, *([outside.lacks] if outside.lacks else []))
        return Reached(reached.level, reached.parts, lacks)


def _try_out(outside: Outside, state: Path) -> str:
    place = state / "packages" / ".sandbox-check"
    command = [sys.executable, "-P", "-m", "condafs.builder.cage.probe", str(place)]
    try:
        done = subprocess.run(  # noqa: S603 - ours
            outside.wrap(command), capture_output=True, text=True, check=False, timeout=_PATIENCE_SECONDS
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"a caged program cannot be run: {error}"
    words = (done.stdout + done.stderr).strip()
    return f"a caged program cannot be run: {words or done.returncode}" if words or done.returncode else ""


def _run_one(place: Path) -> None:
    warden = CageKeeper(fork_warden())
    place.mkdir(exist_ok=True)
    warden.close_ring([place], Limits())
    close_outer_ring([place.parent])
    order = Order(("/bin/sh", "-c", "exit 0"), {}, Path("/"), View((place,)))
    end = warden.start(order, (0, 1, 2)).wait()
    place.rmdir()
    if end.status:
        print(f"it ended with {end.status}", *end.notes)  # noqa: T201 - the answer


if __name__ == "__main__":
    _run_one(Path(sys.argv[1]))
