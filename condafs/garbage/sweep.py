"""Carrying a plan out: one build after the other, each looked at again right before it goes. Blocking.

Deleting makes a build invisible first and removes its files after that, so whoever lists or reads the mount waits for
nothing. A process that begins to use a build in the moment between the look and that is found by the daemon, which
looks once more before it touches the files, where it may look at all.
"""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from condafs.errors import CondafsError, NotFoundError
from condafs.garbage.policy import Verdict
from condafs.garbage.processes import Looker
from condafs.names import BuildName, EnvironmentName

FRESH_SECONDS = 0.1
FRESH_TIMES = 2
"""So old may a look be when a build is deleted after it: some moments, or twice as long as it took. One for each of
thousands of builds would be most of the work, and what begins in between is the daemon's to see."""


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
        exported: The builds of a name of which somebody reads an export now.
        delete: A build; CondafsError or OSError when it may not go.
        clock: Monotonic seconds.
    """

    look: Looker
    exported: Callable[[EnvironmentName], Collection[BuildName]]
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
    stale, uses, exported = float("-inf"), dict[BuildName, list[str]](), dict[EnvironmentName, Collection[BuildName]]()
    for verdict in doomed:
        began, name = doors.clock(), verdict.build.name
        if began >= stale:
            uses, exported = doors.look().words(), {}
            now = doors.clock()
            stale = now + max(FRESH_SECONDS, FRESH_TIMES * (now - began))
        if name not in exported:
            exported[name] = doors.exported(name)
        if users := uses.get(verdict.build):
            swept.spared.append((verdict.build, f"used by {', '.join(users)} now"))
        elif verdict.build in exported[name]:
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
