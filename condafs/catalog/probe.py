"""Whether a catalog is whole: all of it is read, in a process that may crash.

LMDB trusts its file: a page that was damaged ends a process by a signal as often as by an error, or sends it in
circles. So a child process reads every page and decodes every record, and compares what follows from the builds with
them. The file must not be written to meanwhile: who asks holds the lock of the catalog.
"""

import faulthandler
import os
import resource
import signal
import sys
import warnings
from collections.abc import Callable
from typing import NoReturn

from condafs.catalog.reader import Snapshot
from condafs.catalog.records import ACTIVE_STATES, BuildRecord, BuildState

MOST_CPU_SECONDS = 60
"""A catalog of 100,000 builds takes two."""

_WHOLE, _DAMAGED = 0, 1
_MOST_BYTES = 1 << 16


def find_damage(read: Callable[[], str]) -> str:
    """Run a function that reads a catalog in a child process.

    Args:
        read: Returns what is wrong, "" when nothing is; may raise, crash, or never end.

    Returns:
        What is wrong, a sentence without its full stop; "" when nothing is.
    """
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of other threads: the child waits for none
        child = os.fork()
    if not child:
        _read_and_exit(read, writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read(_MOST_BYTES).decode(errors="replace")
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status == _WHOLE:
        return ""
    if status == -signal.SIGXCPU:
        return "it cannot be read to its end"
    if status < 0:
        return f"reading it crashes ({signal.Signals(-status).name})"
    return said or "it cannot be read"


def _read_and_exit(read: Callable[[], str], writing: int) -> NoReturn:
    status = _DAMAGED
    try:
        resource.setrlimit(resource.RLIMIT_CPU, (MOST_CPU_SECONDS, MOST_CPU_SECONDS + 1))
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        signal.signal(signal.SIGXCPU, signal.SIG_DFL)
        faulthandler.disable()
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.__stderr__.fileno() if sys.__stderr__ else 2)  # LMDB's assertions
        said = read()
        os.write(writing, said.encode(errors="replace")[:_MOST_BYTES])
        status = _DAMAGED if said else _WHOLE
    except BaseException as error:  # noqa: BLE001 - a fork must not go on as its parent
        os.write(writing, f"{type(error).__name__}: {error}".encode(errors="replace")[:_MOST_BYTES])
    finally:
        os._exit(status)


def contradiction_in(snapshot: Snapshot) -> str:
    """Read every record; what does not agree with the rest, "" when all does.

    Raises:
        Exception: Something cannot be decoded.
    """
    builds = {record.digest: record for record in snapshot.builds()}
    states = dict.fromkeys(BuildState, 0)
    for record in builds.values():
        states[record.state] += 1
        if snapshot.specification(record.digest) is None:
            return f"the specification of {record.build} is missing"
    if states != snapshot.count_by_state():
        return "builds are missing, or counted wrongly"
    if {record.digest for record in snapshot.active()} != {
        r.digest for r in builds.values() if r.state in ACTIVE_STATES
    }:
        return "the queue does not agree with the builds"
    if sorted(snapshot.ready_builds()) != sorted(str(r.build) for r in builds.values() if r.state is BuildState.READY):
        return "the builds of a name do not agree with the builds"
    for environment in snapshot.environments():
        snapshot.image(environment.name)
        if environment.current and not _is_ready(builds.get(environment.current)):
            return f"{environment.name} points at a build that is not there"
    for _ in (*snapshot.files(), *snapshot.events()):
        pass
    return ""


def _is_ready(record: BuildRecord | None) -> bool:
    return record is not None and record.state is BuildState.READY
