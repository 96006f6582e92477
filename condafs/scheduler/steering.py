"""What people do with builds and names: roll back, delete, cancel, have made again, pin.

Used by the tree (somebody renamed or touched a link, or removed one) and by garbage collection. Each call is one
transaction.

`author` is who asked: for the journal, and where the mount cannot decide whether somebody may (`catalog.rights`).
"""

import logging
from collections.abc import Callable
from functools import partial

from condafs.catalog import changes, pins, rights
from condafs.catalog.changes import Changes
from condafs.catalog.events import DAEMON, Author
from condafs.catalog.records import PinRecord
from condafs.catalog.store import Catalog
from condafs.catalog.transaction import Transaction
from condafs.catalog.usage import charge_build
from condafs.names import BuildName, EnvironmentName, SpecDigest
from condafs.scheduler.allowances import Allowances
from condafs.scheduler.announcer import Announcer

logger = logging.getLogger(__name__)


class Steering:
    """Does what people ask for.

    Args:
        catalog: Opened for writing.
        announcer: Commits what changes builds and names.
        allowances: What people may do and have.
        clock: Unix seconds.
    """

    def __init__(
        self, catalog: Catalog, announcer: Announcer, allowances: Allowances, *, clock: Callable[[], float]
    ) -> None:
        self._catalog = catalog
        self._announcer = announcer
        self._allowances = allowances
        self._clock = clock

    async def roll_back(self, name: EnvironmentName, digest: SpecDigest, author: Author = DAEMON) -> None:
        """Point a name at a published build of it, until a specification is written again.

        Raises:
            NotFoundError: No such environment or build.
            ForbiddenError: The environment is retired, or is not the author's.
        """
        roll_back = partial(changes.roll_back, name=name, digest=digest, now=self._clock())
        await self._announcer.commit(self._by_owner(name, roll_back), author)

    async def delete_build(self, build: BuildName, author: Author = DAEMON) -> None:
        """Delete a build; it is invisible when this returns, its files go soon. One in the making is cancelled.

        Raises:
            NotFoundError: No such build.
            ForbiddenError: It is the current one, or pinned, or its environment is not the author's.
        """
        delete = partial(changes.delete, build=build, now=self._clock())
        await self._announcer.commit(self._by_owner(build.name, delete), author)

    async def renew(self, build: BuildName, author: Author = DAEMON) -> None:
        """Make a published build again in its place, because it is damaged.

        Raises:
            NotFoundError: No such build.
            ForbiddenError: It never was published, or its environment is not the author's.
            QuotaError: The author began as many builds today as may be.
        """
        await self._allowances.know(author.uid)

        def renew(transaction: Transaction) -> Changes:
            now = self._clock()
            renewed = changes.renew(transaction, build, now)
            if renewed.builds:
                charge_build(transaction, author.uid, self._allowances.limits_of(author.uid), now)
            return renewed

        await self._announcer.commit(self._by_owner(build.name, renew), author)

    async def pin(self, label: str, build: BuildName, gid: int, author: Author = DAEMON) -> None:
        """Keep a published build from being collected, until it is unpinned or its owner deletes it.

        Args:
            label: What its owner calls the pin.
            build: The build.
            gid: Group of its owner.
            author: Its owner.

        Raises:
            NotFoundError: No such published build.
            ForbiddenError: There is such a pin already.
        """
        record = PinRecord(label, build.digest, author.uid, gid, self._clock())
        await self._catalog.write(partial(pins.pin, record=record), author)
        logger.info("%s: pinned as %s by %s", build, label, author)

    async def unpin(self, label: str, author: Author = DAEMON) -> None:
        """Remove a pin; NotFoundError when there is none of that label."""
        await self._catalog.write(partial(pins.unpin, label=label, now=self._clock()), author)
        logger.info("the pin %s was removed by %s", label, author)

    async def rename_pin(self, label: str, new_label: str, author: Author = DAEMON) -> None:
        """Give a pin another label, and take that from who has it; NotFoundError when there is no such pin."""
        await self._catalog.write(partial(pins.rename, label=label, new_label=new_label, now=self._clock()), author)

    async def cancel(self, build: BuildName, author: Author = DAEMON) -> None:
        """Cancel a build that is queued, waits or runs; nothing happens to any other.

        Raises:
            NotFoundError: No such build.
            ForbiddenError: It is being made again because it is damaged, or its environment is not the author's.
        """
        cancel = partial(changes.cancel, build=build, now=self._clock())
        await self._announcer.commit(self._by_owner(build.name, cancel), author)

    def _by_owner(
        self, name: EnvironmentName, function: Callable[[Transaction], Changes]
    ) -> Callable[[Transaction], Changes]:
        def checked(transaction: Transaction) -> Changes:
            rights.require_owner(transaction, name, self._allowances.policy)
            return function(transaction)

        return checked
