"""Committing what people ask for, and telling it: the catalog first, then the logs, then the scheduler."""

import logging
from collections.abc import Callable, Iterable
from typing import Protocol

import trio

from condafs.catalog.changes import Changes
from condafs.catalog.events import Author
from condafs.catalog.store import Catalog
from condafs.catalog.transaction import Transaction
from condafs.journal import about
from condafs.names import BuildName, EnvironmentName
from condafs.scheduler.logbook import MOVED, Logbook, claimed_text, describe

logger = logging.getLogger(__name__)


class Follower(Protocol):
    """Who acts on changed builds: the scheduler."""

    def look_at(self, builds: Iterable[BuildName]) -> None:
        """The state of these may have changed."""
        ...


class Announcer:
    """Commits changes of builds and names, so that everybody knows.

    Args:
        catalog: Opened for writing.
        follower: Told of changed builds.
        logbook: Has the logs of builds.
    """

    def __init__(self, catalog: Catalog, follower: Follower, logbook: Logbook) -> None:
        self._catalog = catalog
        self._follower = follower
        self._logbook = logbook

    async def commit(self, function: Callable[[Transaction], Changes], author: Author) -> None:
        """Run a function in one transaction, and tell what it changed.

        Args:
            function: As for `Catalog.write`, whose errors are raised here.
            author: Who asked.
        """
        with trio.CancelScope(shield=True):  # what is committed is told, or it would wait for the next start
            changed = await self._catalog.write(function, author)
            lines = [(record.build, describe(record)) for record in changed.builds]
            lines += [(record.build, f"{record.name} {MOVED}") for record in changed.moved]
            for build, text in lines:
                logger.info("%s: %s", build, text, extra=about(build))
            await self._logbook.note(lines)
            self._follower.look_at([record.build for record in changed.builds])

    async def note_claim(self, name: EnvironmentName) -> None:
        """Have the log of what a name leads to tell whose that is: the owner or the file has changed."""
        with self._catalog.snapshot() as snapshot:
            environment = snapshot.environment(name)
        if environment and environment.current and not environment.is_retired:
            await self._logbook.note([(BuildName(environment.current, name), claimed_text(environment))])
