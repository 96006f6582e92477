"""What the daemon puts around the builders that it starts: bubblewrap when it can be had and is wanted.

A unit of systemd's that starts builders is a cage by itself: it says so to them (`python -m condafs.builder unit`), and
nothing of this is used.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from condafs.builder.cage.bubblewrap import bubblewrap_command, why_not
from condafs.builder.cage.level import Level

_WORKED_IN = ("builds", "packages")
_SECRET = ("catalog", "specs")


@dataclass(frozen=True, slots=True)
class Outside:
    """The outermost ring.

    Attributes:
        level: BUBBLEWRAP, or LANDLOCK for nothing.
        prefix: What stands before a builder's command.
        lacks: Why it is no more, "" when nothing is missing.
    """

    level: Level
    prefix: tuple[str, ...] = ()
    lacks: str = ""

    def wrap(self, command: Sequence[str]) -> Sequence[str]:
        """The command of a builder inside of it, told so."""
        return [*self.prefix, *command, str(self.level)]


def look_outside(setting: str, state: Path) -> Outside:
    """Find the best outermost ring. Takes some milliseconds: it is tried.

    Args:
        setting: `sandbox`.
        state: The state directory; `builds` and `packages` exist in it.
    """
    if setting == str(Level.NONE):
        return Outside(Level.LANDLOCK)
    state = state.resolve()  # bubblewrap mounts at places, not at links to them
    others = [path for path in state.iterdir() if path.name not in _WORKED_IN and path.is_dir()]
    hidden = [path for path in others if path.name in _SECRET]
    command = bubblewrap_command(state, [path for path in others if path not in hidden], hidden)
    if lacks := why_not(command):
        return Outside(Level.LANDLOCK, lacks=lacks)
    return Outside(Level.BUBBLEWRAP, tuple(command))
