"""One thing that is wrong with a build, as a value."""

from dataclasses import dataclass
from enum import StrEnum


class Damage(StrEnum):
    """What became of a path."""

    MISSING = "missing"
    EXTRA = "extra"  # nobody put it there while the build was made
    CHANGED = "changed"  # other bytes than it was made with
    KIND = "kind"  # a link where a file should be, a file where a directory should be
    TARGET = "target"  # a link that leads elsewhere
    MODE = "mode"
    TIME = "time"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One path of one build.

    Attributes:
        path: Relative to the prefix; `.` is the prefix itself.
        detail: What was found, and what should be there, for people.
        package: `numpy 2.1.0`, whose file it is; "" when no conda package's.
    """

    path: str
    damage: Damage
    detail: str = ""
    package: str = ""
