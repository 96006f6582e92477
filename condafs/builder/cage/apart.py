"""A warden of its own for who is no builder: a process with other threads, that runs a program of an environment's.

`python -m condafs.builder.cage.apart DESCRIPTOR` is that warden.
"""

import socket
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from condafs.builder.cage.keeper import CageKeeper, Keeper, Limits, NoKeeper
from condafs.builder.cage.level import Level
from condafs.builder.cage.rings import reached_within
from condafs.builder.cage.warden import serve_as_warden


@contextmanager
def keeper_apart(writable: Sequence[Path]) -> Iterator[Keeper]:
    """Something that starts programs in a cage, where this machine can have one; they end with the context.

    Args:
        writable: Directories; of others, nothing can be changed.
    """
    if reached_within(Level.LANDLOCK).level is Level.NONE:
        yield NoKeeper()
        return
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with theirs:
        command = [sys.executable, "-P", "-m", "condafs.builder.cage.apart", str(theirs.fileno())]
        warden = subprocess.Popen(command, pass_fds=[theirs.fileno()], stdin=subprocess.DEVNULL)  # noqa: S603 - ours
    with warden, ours:
        keeper = CageKeeper(ours)
        keeper.close_ring(writable, Limits())
        yield keeper


if __name__ == "__main__":
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)  # it was, to get here; orders are for nobody that the warden starts
    serve_as_warden(control)
