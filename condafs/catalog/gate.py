"""When the memory map may be moved: only while this process has no snapshot open."""

import threading
from collections.abc import Callable


class Gate:
    """Counts open snapshots. Any thread; a thread may have several open."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._open = 0

    def enter(self) -> None:
        """A snapshot is about to be opened. Waits only while the map is being moved, which takes microseconds."""
        with self._changed:
            self._open += 1

    def leave(self) -> None:
        """It is closed."""
        with self._changed:
            self._open -= 1
            if not self._open:
                self._changed.notify_all()

    def move(self, move: Callable[[], None], *, patience_seconds: float) -> bool:
        """Run `move` while no snapshot is open; False when that did not come about within the patience.

        New snapshots are not held back meanwhile: a thread that has one open and opens another must not wait for
        itself.
        """
        with self._changed:
            if not self._changed.wait_for(lambda: not self._open, patience_seconds):
                return False
            move()
            return True
