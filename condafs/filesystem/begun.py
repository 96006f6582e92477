"""Changes of names that were begun, and which of them a daemon that is gone may have made without having said so.

A change has ended when it was made or refused. That whoever asked has heard of it is certain when the next request is
read: only then it is struck off, for a daemon that is killed before is asked for the change again.

Concurrency: the event loop's alone.
"""

import math
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress

MOST_BEGUN = 64
"""Changes of names that are remembered as perhaps under way. Each waits in a process of somebody's with a directory
locked, so there may be more; of those that are forgotten, one that is asked for again may get ENOENT or EEXIST."""

RESENT_SECONDS = 30
"""How long after a takeover a change may be one that the kernel asks for again, which it does at once; later, the same
request is another person's."""


class Begun:
    """Changes that are under way, as texts: what tells one from others, NUL, what the name meant."""

    def __init__(self) -> None:
        self._begun: deque[bytes] = deque(maxlen=MOST_BEGUN)
        self._ended: list[bytes] = []
        self._unanswered: deque[bytes] = deque(maxlen=MOST_BEGUN)
        self._last_resent = math.inf

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._begun)

    def recall(self, change: bytes) -> None:
        """It was begun by another process."""
        self._begun.append(change)
        self._unanswered.append(change)

    def recall_end(self, change: bytes) -> None:
        """And it ended there."""
        for changes in (self._begun, self._unanswered):
            with suppress(ValueError):  # of more than are remembered
                changes.remove(change)

    def clear(self) -> None:
        """Another mount: nobody waits for an answer."""
        self._begun.clear()
        self._ended.clear()
        self._unanswered.clear()

    def start_clock(self) -> None:
        """From now on the kernel asks again."""
        self._last_resent = time.monotonic() + RESENT_SECONDS

    def find(self, change: tuple[object, ...]) -> str | None:
        """What the name meant when another process began it, and did not live to answer; each is found once."""
        if time.monotonic() > self._last_resent:
            self._unanswered.clear()
        same = _same(change)
        before = next((begun for begun in reversed(self._unanswered) if begun.startswith(same)), None)
        if before is None:
            return None
        self._unanswered.remove(before)
        return before.removeprefix(same).decode(errors="surrogateescape")

    def begin(self, change: tuple[object, ...], meaning: str) -> bytes:
        """It begins; its text."""
        text = _text(change, meaning)
        self._begun.append(text)
        return text

    def end(self, change: tuple[object, ...], meaning: str) -> None:
        """It was made or refused."""
        self._ended.append(_text(change, meaning))

    def settle(self) -> list[bytes]:
        """Who asked for what has ended was answered; the texts of these."""
        ended, self._ended = self._ended, []
        for change in ended:
            with suppress(ValueError):
                self._begun.remove(change)
        return ended


def _same(change: tuple[object, ...]) -> bytes:
    """What tells it from others, up to the first NUL, which no repr() has."""
    return repr(change).encode() + b"\0"


def _text(change: tuple[object, ...], meaning: str) -> bytes:
    return _same(change) + meaning.encode(errors="surrogateescape")
