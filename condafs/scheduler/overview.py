"""What goes on at a moment, and how that is said in one line. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from condafs.builder.protocol import Phase, Progress

SHOWN_BUILDS = 3


@dataclass(frozen=True, slots=True)
class Overview:
    """A moment.

    Attributes:
        environments: How many there are, in any state.
        building: Names of those that are being built, and how far they are.
        queued: Builds that wait for their turn.
        waiting: Builds that wait for their next try.
        removing: Builds that are being removed.
    """

    environments: int
    building: Sequence[tuple[str, Progress | None]] = ()
    queued: int = 0
    waiting: int = 0
    removing: int = 0

    def line(self) -> str:
        """As in `12 environments, building numpy (fetch 3/20), 2 queued`."""
        parts = [f"{self.environments} environment{'' if self.environments == 1 else 's'}"]
        if self.building:
            shown = ", ".join(name + _how_far(progress) for name, progress in self.building[:SHOWN_BUILDS])
            more = len(self.building) - SHOWN_BUILDS
            parts.append(f"building {shown}{f' and {more} more' if more > 0 else ''}")
        parts += [f"{self.queued} queued"] if self.queued else []
        parts += [f"{self.waiting} waiting for the next try"] if self.waiting else []
        parts += [f"{self.removing} being removed"] if self.removing else []
        return ", ".join(parts)


def _how_far(progress: Progress | None) -> str:
    if progress is None:
        return ""
    has_count = progress.total and progress.phase is not Phase.SOLVE
    return f" ({progress.phase} {progress.done}/{progress.total})" if has_count else f" ({progress.phase})"
