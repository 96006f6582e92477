"""Directories that links lead to, and that targets of links are given below."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(slots=True)
class Places:
    """Where they lead.

    Attributes:
        builds: Directory of the sealed prefixes.
        mountpoint: Where the tree is mounted, so that targets can be given as paths below it.
    """

    builds: Path
    mountpoint: Path | None = None

    @property
    def roots(self) -> tuple[Path, ...]:
        """Absolute directories whose entries are called as those of the root."""
        return tuple(place for place in (self.mountpoint, self.builds) if place is not None)
