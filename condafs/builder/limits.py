"""What a builder may use, and for whom it works: memory, files, wall time, the daemon at the other end of its input.

Processes are counted by the cage's warden: RLIMIT_NPROC counts all that a user has on the whole machine, and nothing of
root's (setrlimit(2), kernel/fork.c).
"""

import os
import resource
import signal
import threading
from collections.abc import Callable

from condafs.builder.offspring import kill_descendants

LEAST_MEMORY_BYTES = 256 << 20


def limit_memory(memory_bytes: int) -> None:
    """Limit private writable memory of this process and each of its children; 0 for no limit.

    Never below `LEAST_MEMORY_BYTES`: there rattler's threads wait for ever for others that could not start, instead of
    failing (experiment, py-rattler 0.28: 56 to 72 MB).

    RLIMIT_DATA since Linux 4.7 counts private writable mappings (setrlimit(2)); RLIMIT_AS would also count the
    address space that runtimes reserve and never touch.
    """
    if memory_bytes:
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        limit = max(memory_bytes, LEAST_MEMORY_BYTES)
        limit = limit if hard == resource.RLIM_INFINITY else min(limit, hard)
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))


def limit_files(file_bytes: int) -> None:
    """Limit the size of each file that this process and its children write, 0 for no limit; leave no core dumps.

    A write beyond it fails with EFBIG here, and ends other programs by SIGXFSZ (setrlimit(2)).
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if file_bytes:
        _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
        limit = file_bytes if hard == resource.RLIM_INFINITY else min(file_bytes, hard)
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))


def die_with_daemon(fd: int) -> None:
    """End this process and everything below it when the daemon is gone.

    The daemon holds the other end of `fd`, through which nothing comes any more. PR_SET_PDEATHSIG would not do: it
    fires when the *thread* that forked ends (prctl(2)), trio forks in a worker thread, and only the child is told.
    """
    threading.Thread(target=_wait_for_end, args=(fd,), name="daemon-watch", daemon=True).start()


def _wait_for_end(fd: int) -> None:
    while os.read(fd, 4096):
        pass
    kill_descendants(os.getpid())
    os.kill(os.getpid(), signal.SIGKILL)


def end_after(wall_seconds: float, end: Callable[[], None]) -> None:
    """Call `end` in a thread of its own when the time is over; 0 for no limit."""
    if wall_seconds:
        timer = threading.Timer(wall_seconds, end)
        timer.daemon = True
        timer.start()
