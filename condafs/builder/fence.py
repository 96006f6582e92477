"""The cage of one build: what its request demands, what this machine gives, and both rings closed accordingly."""

import errno
from pathlib import Path

from condafs.builder.cage.keeper import CageKeeper, Keeper, Limits, NoKeeper
from condafs.builder.cage.level import Level, Reached, refusal
from condafs.builder.cage.rings import close_outer_ring, reached_within
from condafs.builder.protocol import BuildRequest, Failed, FailureKind

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class Fence:
    """The cage of a builder that has one thread yet.

    Args:
        warden: Forked already.
        outer: What was put around the builder; `LANDLOCK` for nothing.

    Attributes:
        keeper: Starts what packages bring.
        reached: What was reached, and how.
    """

    def __init__(self, warden: CageKeeper, outer: Level) -> None:
        self._warden = warden
        self.keeper: Keeper = NoKeeper()
        self.reached = reached_within(outer)

    def close(self, request: BuildRequest) -> Failed | None:
        """Make the place for the environment, and change nothing but it and the package cache from now on.

        The place is nobody else's until it is sealed: files in it might still have set-id bits.

        Returns:
            Why nothing can be built; None when all is well.
        """
        prefix, packages = Path(request.prefix), Path(request.packages)
        if request.sandbox == str(Level.NONE):
            self.reached = Reached(Level.NONE, (), ("the settings want none",))
        elif problem := refusal(request.sandbox, self.reached):
            return Failed(FailureKind.SANDBOX, problem)
        try:
            prefix.mkdir(mode=0o700, parents=True, exist_ok=True)
            packages.mkdir(parents=True, exist_ok=True)
            if self.reached.level is not Level.NONE:
                limits = Limits(request.process_limit, request.memory_bytes, request.file_bytes)
                self._warden.close_ring([prefix, packages], limits)
                close_outer_ring([prefix, packages])
                self.keeper = self._warden
        except OSError as error:
            kind = FailureKind.DISK_FULL if error.errno in _FULL else FailureKind.SANDBOX
            return Failed(kind, f"the sandbox cannot be made: {error}")
        return None
