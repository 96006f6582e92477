"""A builder's life: one build from standard input, events to standard output; removals may come before it.

The log is the descriptor that comes with the request, or standard error.

The cage is built in this order: the warden, before anything else (`__main__`); the outer ring, when the request says
where the build is and before there are threads; everything else is inside.

Ends by os._exit as soon as the outcome is out: rattler crashed at interpreter exit in 4 of 25 runs after a successful
install, and never that way (shared experiment, py-rattler 0.28).
"""

import asyncio
import contextlib
import gc
import logging
import os
import socket
import stat
import sys
import threading
import traceback
from pathlib import Path

from condafs.builder.build import Build
from condafs.builder.cage.descriptors import receive
from condafs.builder.cage.keeper import CageKeeper
from condafs.builder.cage.level import Level
from condafs.builder.events import Events
from condafs.builder.failure import classify, classify_panic
from condafs.builder.fence import Fence
from condafs.builder.leftovers import join_builders
from condafs.builder.limits import die_with_daemon, end_after, limit_files, limit_memory
from condafs.builder.offspring import adopt_orphans, kill_descendants, wait_for_ends
from condafs.builder.panics import watch_standard_error
from condafs.builder.protocol import (
    BuildRequest,
    Failed,
    FailureKind,
    Removed,
    RemoveRequest,
    Succeeded,
    decode_request,
)
from condafs.builder.transcript import Transcript
from condafs.journal import about, is_journal, set_up_logging
from condafs.prefix.seal import remove_prefix
from condafs.spec.credentials import mask_credentials


def main(warden: CageKeeper, outer: Level) -> None:
    """Build, and never return.

    Args:
        warden: Just forked.
        outer: What stands around this process already; `LANDLOCK` for nothing.
    """
    gc.disable()  # it ends in seconds or in other people's programs; the collector costs a tenth of a warm build
    daemon, events = os.dup(0), Events(os.dup(1))  # not inherited, so scripts' output cannot become events
    request, log = _receive(daemon)
    while isinstance(request, RemoveRequest):
        _remove(Path(request.prefix), events)
        request, log = _receive(daemon)
    _tell_journal(request)
    transcript = Transcript(os.dup(2) if log is None else log)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    adopt_orphans()
    fence = Fence(warden, outer)
    problem = fence.close(request)  # before there are threads
    die_with_daemon(daemon)

    ending = threading.Lock()

    def end(outcome: Succeeded | Failed) -> None:
        ending.acquire()  # for good: what is killed now fails in other threads, and theirs is not the last word
        try:
            warden.close()
            wait_for_ends(kill_descendants(os.getpid()))
            transcript.note(_summary(outcome))
            events.end(outcome)
        finally:
            os._exit(0)

    watch_standard_error(transcript, lambda text: end(Failed(*classify_panic(text), events.phase)))
    os.dup2(2, 1)
    message = f"the build took longer than {request.wall_seconds:g} s (build-wall-seconds)"
    end_after(request.wall_seconds, lambda: end(Failed(FailureKind.TIMEOUT, message, events.phase)))
    limit_memory(request.memory_bytes)
    limit_files(request.file_bytes)
    transcript.note(f"build {request.build}, attempt {request.attempt}")
    transcript.note(f"sandbox: {fence.reached.text}")
    end(problem or _run(request, events, transcript, fence))


def _tell_journal(request: BuildRequest) -> None:
    """In a unit of its own: what systemd says about this unit from now on is about that build."""
    if is_journal(sys.stderr, os.environ):
        set_up_logging(sys.stderr, os.environ, identifier="condafs-build")
        text = "builds %s, attempt %d"
        logging.getLogger("condafs.builder").info(text, request.build, request.attempt, extra=about(request.build))


def _remove(prefix: Path, events: Events) -> None:
    try:
        remove_prefix(prefix)
        answer: Removed | Failed = Removed()
    except OSError as error:
        answer = Failed(FailureKind.INTERNAL, str(error))
    with contextlib.suppress(BrokenPipeError):  # the daemon is gone, and no request comes any more
        events.answer(answer)


def _run(request: BuildRequest, events: Events, transcript: Transcript, fence: Fence) -> Succeeded | Failed:
    try:
        join_builders(Path(request.packages))
        return asyncio.run(Build(request, events, transcript, fence.keeper, fence.reached).run())
    except BaseException as error:  # noqa: BLE001 - rattler's panics are no Exceptions; every end needs an outcome
        kind, message = classify(error)
        if kind is FailureKind.INTERNAL:
            transcript.note("".join(traceback.format_exception(error)))
        return Failed(kind, mask_credentials(message), events.phase)


def _summary(outcome: Succeeded | Failed) -> str:
    if isinstance(outcome, Failed):
        return f"failed ({outcome.kind}): {outcome.message}"
    seconds = ", ".join(f"{phase} {value:.2f} s" for phase, value in outcome.seconds.items())
    return f"done: {outcome.package_count} packages, {outcome.file_count} files; {seconds}"


def _receive(fd: int) -> tuple[BuildRequest | RemoveRequest, int | None]:
    """Read a request; over a Unix socket the log's descriptor comes with it, else the log is standard error."""
    line, log = bytearray(), None
    while not line.endswith(b"\n"):
        if stat.S_ISSOCK(os.fstat(fd).st_mode):
            with socket.socket(fileno=os.dup(fd)) as connection:
                chunk, descriptors = receive(connection, 1 << 16, 1)
            log = descriptors[0] if descriptors else log
        else:
            chunk = os.read(fd, 1 << 16)
        if not chunk:
            os._exit(0)  # a spare that was never needed
        line += chunk
    return decode_request(bytes(line)), log
