"""How much is kept out: levels as values, in order, and what was reached."""

from dataclasses import dataclass
from enum import IntEnum

AUTO = "auto"
"""The setting that takes the best that the machine has, whatever that is."""


class Level(IntEnum):
    """What stands around other people's code; each is more than the one before. `cage/__init__` says what it keeps out.

    A level is only reached with the inner ring, which needs Landlock and seccomp; the upper two say what the outer ring
    is besides.
    """

    NONE = 0
    LANDLOCK = 1
    BUBBLEWRAP = 2
    UNIT = 3

    def __str__(self) -> str:
        """As in settings, status and logs."""
        return self.name.lower()


SETTINGS = (AUTO, *map(str, Level))
"""What the setting `sandbox` can be: `auto`, `none` (nothing is caged), or the least that builds are made in."""


def demanded(setting: str) -> Level:
    """The least level that a setting is content with."""
    return Level.NONE if setting == AUTO else Level[setting.upper()]


@dataclass(frozen=True, slots=True)
class Reached:
    """What stands around a builder and what it runs.

    Attributes:
        level: The name of it all.
        parts: What it is made of, in words, one each.
        lacks: What is missing, in words; empty when everything that this level can have is there.
    """

    level: Level
    parts: tuple[str, ...] = ()
    lacks: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """One line for people."""
        words = f"{self.level} ({', '.join(self.parts)})" if self.parts else str(self.level)
        return "; ".join([words, *self.lacks])


def refusal(setting: str, reached: Reached) -> str:
    """Why nothing is built under that setting, "" when it is content."""
    if reached.level >= demanded(setting):
        return ""
    return (
        f"the setting sandbox demands {setting}, and this machine gives {reached.text}. "
        "`condafs doctor` says what is missing; or lower the demand in the settings"
    )
