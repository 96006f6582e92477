"""Everything below a process is found and killed, sessions of its own included."""

import os
import select
import subprocess
import sys

from condafs.builder.offspring import descendants_of, kill_descendants

PARENT = """
import subprocess, sys
from condafs.builder.offspring import adopt_orphans
adopt_orphans()
# The shell in the middle ends, so that the sleeper loses its parent; setsid takes it out of the group.
subprocess.run(["sh", "-c", "setsid sleep 600 & echo $!"], check=True)
print("ready", flush=True)
sys.stdin.read()
"""


def ends(pidfd: int) -> bool:
    """Wait until that process is dead."""
    return bool(select.select([pidfd], [], [], 10)[0])


def test_an_orphan_in_a_session_of_its_own_is_found_and_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout
        sleeper = int(parent.stdout.readline())
        assert parent.stdout.readline() == "ready\n"
        assert sleeper in descendants_of(parent.pid)
        pidfd = os.pidfd_open(sleeper)
        kill_descendants(parent.pid)
        assert ends(pidfd)
        assert parent.poll() is None
        os.close(pidfd)
        parent.kill()


def test_a_process_that_is_gone_has_nobody_below_it() -> None:
    with subprocess.Popen(["true"]) as gone:
        pass
    assert descendants_of(gone.pid) == []
