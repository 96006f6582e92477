"""Where somebody else may go, in tests that become somebody else."""

import os
from collections.abc import Callable
from pathlib import Path

NOBODY = 65534


def open_the_way_to(directory: Path) -> None:
    """Everybody may walk down to a directory that only this user could reach, as to those that pytest makes."""
    for place in (directory, *directory.parents):
        if place.stat().st_uid == os.geteuid() and place != place.parent:
            place.chmod(place.stat().st_mode | 0o055)


def as_nobody(act: Callable[[], None]) -> int:
    """The status of a child process that does it as an ordinary user."""
    pid = os.fork()
    if pid == 0:
        try:
            if os.geteuid() == 0:
                os.setgroups([])
                os.setgid(NOBODY)
                os.setuid(NOBODY)
            act()
            os._exit(0)
        finally:
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
