"""Where the builder says how far it is: protocol lines on a descriptor that nothing else can reach."""

import os
import threading
import time

from condafs.builder.protocol import Event, Phase, Progress, encode_event

INTERVAL_SECONDS = 0.05
"""Between two reports of one phase: people see twenty a second as smooth, and thousands would cost the daemon time."""


class Events:
    """Writes events; any thread may. The first of a phase and an outcome are never held back.

    Args:
        fd: The daemon's end of the protocol.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._lock = threading.Lock()
        self._last = 0.0
        self._is_over = False
        self.phase: Phase | None = None
        self.seconds: dict[str, float] = {}
        self._phase_began = time.monotonic()

    def enter(self, phase: Phase) -> None:
        """Begin a phase; what passed until now counts for the one before."""
        self.finish_phase()
        self.phase = phase
        self.report(Progress(phase), is_urgent=True)

    def finish_phase(self) -> None:
        """What passed until now counts for the current phase."""
        now = time.monotonic()
        if self.phase is not None:
            self.seconds[self.phase] = round(self.seconds.get(self.phase, 0) + now - self._phase_began, 4)
        self._phase_began = now

    def report(self, progress: Progress, *, is_urgent: bool = False) -> None:
        """Say how far it is, unless that was said a moment ago."""
        now = time.monotonic()
        with self._lock:
            if is_urgent or now - self._last >= INTERVAL_SECONDS or progress.done == progress.total > 0:
                self._last = now
                self._send(progress)

    def answer(self, event: Event) -> None:
        """To what was asked before the build."""
        self._send(event)

    def end(self, outcome: Event) -> None:
        """The outcome; nothing is said after it."""
        with self._lock:
            self._send(outcome)
            self._is_over = True

    def _send(self, event: Event) -> None:
        if self._is_over:
            return
        data = encode_event(event)
        while data:
            data = data[os.write(self._fd, data) :]
