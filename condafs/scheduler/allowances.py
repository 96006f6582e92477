"""Who may do everything, and what others may have: what each transaction is asked to keep to (`catalog.rights`)."""

import trio

from condafs.catalog.events import DAEMON
from condafs.catalog.rights import Policy
from condafs.config import Settings
from condafs.config.quotas import Limits, Quotas


class Allowances:
    """What users may do and have.

    Args:
        settings: Quotas.
        daemon_uid: User who may do everything, as root may.
    """

    def __init__(self, settings: Settings, daemon_uid: int = 0) -> None:
        privileged = frozenset({DAEMON.uid, 0, daemon_uid})
        self._quotas = Quotas(settings, privileged)
        self.policy = Policy(privileged, self._quotas.limits_of)

    async def know(self, uid: int) -> None:
        """Find out which quotas a user has. What is asked about her without that goes by what is known."""
        if not self._quotas.is_known(uid):
            await trio.to_thread.run_sync(self._quotas.know, uid)

    def limits_of(self, uid: int) -> Limits:
        """What a user may have."""
        return self._quotas.limits_of(uid)
