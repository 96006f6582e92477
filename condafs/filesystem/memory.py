"""What an adapter writes down of what the kernel was told. Here: nothing, the mount ends with the process.

`ledger` keeps it, for a daemon that takes the mount over.
"""

from condafs.tree.node import Opened


class Memory:
    """Nothing is kept."""

    def note_node(self, number: int, key: bytes) -> None:
        """The kernel is to hear of an inode."""

    def note_forgotten(self, number: int) -> None:
        """The kernel has forgotten it."""

    def note_opened(self, handle: int, inode: int, opened: Opened) -> None:
        """The kernel is to hear of an open file."""

    def note_written(self, handle: int) -> None:
        """It was written to."""

    def note_listing(self, handle: int, inode: int) -> None:
        """The kernel is to hear of an open directory."""

    def note_closed(self, handle: int) -> None:
        """The kernel has closed it."""

    def begin(self, *change: object, meaning: str = "") -> str | None:
        """A change of names begins.

        Args:
            change: What tells it from others.
            meaning: What the name means now.

        Returns:
            What it meant when the same was begun by a daemon that did not live to answer, and may have made it; None
            when there was no such.
        """
        del change, meaning
        return None

    def end(self, *change: object, meaning: str = "") -> None:
        """A change that was begun so was made or refused; whoever asked hears of it before the next request is read."""

    def settle(self) -> None:
        """Another request was read: whoever asked for a change that has ended was answered."""

    def flush(self) -> None:
        """What was noted is safe when this returns."""
