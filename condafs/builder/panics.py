"""Standard error of the builder itself: into the log like everything else, and watched for panics.

A panic in one of rattler's threads can leave the call that waits for it waiting for ever (experiment, py-rattler 0.28
with a memory limit that let no thread start); all that tells is its text.
"""

import os
import re
import threading
import time
from collections.abc import Callable

from condafs.builder.programs import read_lines
from condafs.builder.transcript import Transcript

_PANIC = re.compile(r"thread '.*' .*panicked at ")
_PATIENCE_SECONDS = 2.0
"""How long the error that most panics become is waited for."""
_TEXT_LINES = 4


def watch_standard_error(transcript: Transcript, end: Callable[[str], None]) -> None:
    """Send standard error, from now on, to the log line by line.

    Args:
        transcript: The log, on a descriptor of its own.
        end: Called with a panic's text, in a thread, when nothing came of it for a while.
    """
    reader, writer = os.pipe()
    os.dup2(writer, 2)
    os.close(writer)
    watch = _Watch(transcript, end)
    for target in (watch.follow, watch.end_after_panic):  # both now: later there may be no memory for a thread
        threading.Thread(target=target, args=(reader,), name="standard-error", daemon=True).start()


class _Watch:
    """What the two threads share."""

    def __init__(self, transcript: Transcript, end: Callable[[str], None]) -> None:
        self._transcript = transcript
        self._end = end
        self._panic: list[str] = []
        self._has_panicked = threading.Event()

    def follow(self, reader: int) -> None:
        for line in read_lines(reader):
            self._transcript.output("builder", line)
            if self._panic or _PANIC.match(line):
                self._panic.append(line)
                self._has_panicked.set()

    def end_after_panic(self, _reader: int) -> None:
        self._has_panicked.wait()
        time.sleep(_PATIENCE_SECONDS)
        self._end("\n".join(self._panic[:_TEXT_LINES]))
