"""The mount, asked from an event loop: every question in a thread, with an end to patience.

A daemon that is stopped keeps who asks it waiting for ever, in a system call that nothing can end but its answer. Such
a thread is left behind, and who asked hears that the mount does not answer. Threads are few, so that a dead mount costs
some memory and no more; what needs the catalog alone goes on being answered.
"""

import errno
import logging
from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

import trio

from condafs.client.envs import Envs
from condafs.errors import DiskFullError, ForbiddenError, MachineError
from condafs.web.errors import BusyError

logger = logging.getLogger(__name__)

PATIENCE_SECONDS = 10
"""The daemon answers in milliseconds; an index of an export that is not there yet takes some seconds."""

THREADS = 32

_GONE = frozenset({errno.ENOTCONN, errno.ECONNABORTED})
_FORBIDDEN = frozenset({errno.EACCES, errno.EPERM})
_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


class Mount:
    """One mount.

    Args:
        envs: It.
        patience_seconds: How long one question may take.

    Attributes:
        envs: The mount as blocking code sees it; for functions that `ask` runs.
    """

    def __init__(self, envs: Envs, patience_seconds: float = PATIENCE_SECONDS) -> None:
        self.envs = envs
        self._patience_seconds = patience_seconds
        self._limiter = trio.CapacityLimiter(THREADS)

    async def ask(
        self, function: Callable[[Envs, *Ts], T], *arguments: *Ts, patience_seconds: float | None = None
    ) -> T:
        """Run a function of the mount in a thread.

        Raises:
            BusyError: It does not answer, or its daemon is gone.
            ForbiddenError: This process's user may not.
            DiskFullError, MachineError: The system says no in another way.
        """
        patience = patience_seconds or self._patience_seconds
        try:
            with trio.fail_after(patience):
                return await trio.to_thread.run_sync(
                    function, self.envs, *arguments, abandon_on_cancel=True, limiter=self._limiter
                )
        except trio.TooSlowError:
            msg = f"the mount did not answer within {patience:.0f} s"
            logger.warning("%s: no answer within %.0f s", self.envs.mount, patience)
            raise BusyError(msg) from None
        except OSError as error:
            raise self._translated(error) from None

    def _translated(self, error: OSError) -> MachineError | ForbiddenError | BusyError:
        if error.errno in _GONE:
            return BusyError("the daemon behind the mount is gone; it is to be started again (condafs mount)", 15)
        if error.errno in _FORBIDDEN:
            return ForbiddenError("the server's user may not do that in the mount: somebody else owns it")
        if error.errno in _FULL:
            return DiskFullError("no room left, or a quota is used up, where the mount keeps its files")
        logger.warning("%s: %s", self.envs.mount, error)
        return MachineError(f"the mount cannot do that: {error.strerror}")
