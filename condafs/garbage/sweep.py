"""Carrying a plan out: one build after the other, each looked at again right before it goes. Blocking.

Deleting makes a build invisible first and removes its files after that, so whoever lists or reads the mount waits for
nothing. A process that begins to use a build in the moment between the look and that is found by the daemon, which
looks once more before it touches the files, where it may look at all.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from condafs.errors import CondafsError, NotFoundError
from condafs.garbage.policy import Verdict
from condafs.garbage.processes import Looker
from condafs.names import BuildName

FRESH_SECONDS = 0.1
"""So old may a look be when a build is deleted after it. A look takes as long; one for each of thousands would be most
of the work."""


@dataclass(slots=True)
class Swept:
    """What became of the plan.

    Attributes:
        removed: Gone, or going.
        spared: Somebody began to use or read it meanwhile: build and why.
        refused: It could not be deleted: build and why.
    """

    removed: list[Verdict] = field(default_factory=list)
    spared: list[tuple[BuildName, str]] = field(default_factory=list)
    refused: list[tuple[BuildName, str]] = field(default_factory=list)

    @property
    def own_bytes(self) -> int:
        """What the removed took beyond the package cache."""
        return sum(verdict.candidate.own_bytes for verdict in self.removed)


@dataclass(frozen=True, slots=True)
class Doors:
    """How a sweep acts.

    Attributes:
        look: At all processes.
        is_exported: Whether somebody reads an export of a build now.
        delete: A build; CondafsError or OSError when it may not go.
        clock: Monotonic seconds.
    """

    look: Looker
    is_exported: Callable[[BuildName], bool]
    delete: Callable[[Verdict], None]
    clock: Callable[[], float] = time.monotonic


def sweep(doomed: Sequence[Verdict], doors: Doors, on_done: Callable[[Verdict], None] = lambda _: None) -> Swept:
    """Delete what a plan dooms, but what is used by now.

    Args:
        doomed: In order.
        doors: How.
        on_done: Told of each, whatever became of it.
    """
    swept = Swept()
    looked_at, uses = float("-inf"), dict[BuildName, list[str]]()
    for verdict in doomed:
        if doors.clock() - looked_at > FRESH_SECONDS:
            uses = doors.look().words()
            looked_at = doors.clock()
        if users := uses.get(verdict.build):
            swept.spared.append((verdict.build, f"used by {', '.join(users)} now"))
        elif doors.is_exported(verdict.build):
            swept.spared.append((verdict.build, "somebody reads it as .tar or .oci now"))
        else:
            _delete(verdict, doors, swept)
        on_done(verdict)
    return swept


def _delete(verdict: Verdict, doors: Doors, swept: Swept) -> None:
    try:
        doors.delete(verdict)
    except NotFoundError:
        return  # somebody else was quicker
    except (CondafsError, OSError) as error:
        swept.refused.append((verdict.build, str(error)))
    else:
        swept.removed.append(verdict)
