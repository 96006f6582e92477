"""Whether a catalog is whole: all of it is read, in a process that may crash.

LMDB trusts its file: a page that was damaged ends a process by a signal as often as by an error, or sends it in
circles. So a child process reads every page and decodes every record, and compares what follows from the builds with
them. The file must not be written to meanwhile: who asks holds the lock of the catalog.
"""

import faulthandler
import gc
import os
import resource
import signal
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import NoReturn

from condafs.catalog.keys import digest_key
from condafs.catalog.reader import Snapshot
from condafs.catalog.records import ACTIVE_STATES, BuildState
from condafs.names import EnvironmentName

MOST_CPU_SECONDS = 60
"""A catalog of 100,000 builds takes one."""

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
        gc.disable()  # a million small objects that all stay until it has ended
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
    states: dict[bytes, BuildState] = {}
    ready, names = set[str](), set(snapshot.checked_events())
    for digest, name, state in snapshot.checked_builds():
        states[digest] = state
        names.add(name)
        if state is BuildState.READY:
            ready.add(f"{digest.hex()}-{name}")
    for name in names - {""}:
        EnvironmentName(name)
    for environment in snapshot.environments():
        snapshot.image(environment.name)
        current = environment.current
        if current and states.get(digest_key(current)) is not BuildState.READY:
            return f"{environment.name} points at a build that is not there"
    for _ in snapshot.files():
        pass
    return _contradiction_among(snapshot, states, ready)


def _contradiction_among(snapshot: Snapshot, states: Mapping[bytes, BuildState], ready: AbstractSet[str]) -> str:
    """What is kept besides the builds, and does not agree with them."""
    if unspecified := states.keys() - set(snapshot.specified()):
        return f"the specification of {min(unspecified).hex()} is missing"
    counts = Counter(states.values())
    if any(counts[state] != count for state, count in snapshot.count_by_state().items()):
        return "builds are missing, or counted wrongly"
    queue = {digest_key(record.digest) for record in snapshot.active()}
    if queue != {digest for digest, state in states.items() if state in ACTIVE_STATES}:
        return "the queue does not agree with the builds"
    named = list(snapshot.ready_builds())
    if len(named) != len(ready) or set(named) != ready:
        return "the builds of a name do not agree with the builds"
    return ""
