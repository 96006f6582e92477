"""How many answers without an end there may be at once: logs and events that are followed, archives, layers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from condafs.web.errors import BusyError
from condafs.web.streaming import Write

MOST = 512
"""Each costs a connection and, for bytes, a chunk of memory."""


class Streams:
    """Counts them.

    Args:
        most: At once.

    Attributes:
        open: Now.
        bytes_sent: Of archives and layers, since the start.
    """

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self.open = 0
        self.bytes_sent = 0

    def require_room(self) -> None:
        """Refuse one more when there are too many (BusyError)."""
        if self.open >= self._most:
            msg = f"{self.open} streams are open, and no more are served at once"
            raise BusyError(msg, 10)

    @asynccontextmanager
    async def one(self) -> AsyncIterator[None]:
        """Count one while it lasts."""
        self.require_room()
        self.open += 1
        try:
            yield
        finally:
            self.open -= 1

    def counting(self, write: Write) -> Write:
        """As `write`; what it sends is counted."""

        async def write_and_count(content: bytes) -> None:
            await write(content)
            self.bytes_sent += len(content)

        return write_and_count
