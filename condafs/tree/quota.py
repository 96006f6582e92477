"""`.status/.quota/<user id>`: what a user has and may have. The directory is not listed among environments.

Format, YAML; what has no limit is left out::

    environments: 3
    max_environments: 5
    builds_today: 7
    max_builds_per_day: 20
    own_bytes: 123456789
    max_own_bytes: 21474836480
    used_up: "you have …"     # why one more environment or build would be refused

Every user can be looked up; listed are those who have anything.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

import trio

from condafs.catalog.records import UsageRecord
from condafs.catalog.usage import day_of, used_up
from condafs.config.quotas import Limits
from condafs.tree.node import Attributes, Directory, Ownership
from condafs.tree.sources import Catalog
from condafs.tree.status_text import Value, render
from condafs.tree.text import Document, TextFile

QUOTA = ".quota"

_MOST_UID = (1 << 32) - 2
"""chown(2): -1 leaves an owner as it is."""


class Source(Protocol):
    """Who knows the limits."""

    async def know(self, uid: int, /) -> None:
        """Find out which limits a user has."""
        ...

    def limits_of(self, uid: int, /) -> Limits:
        """What is known of them."""
        ...


class QuotaFile(TextFile):
    """The file of one user."""

    __slots__ = ("_directory", "_uid")

    def __init__(self, directory: "QuotaDirectory", uid: int) -> None:
        self._directory = directory
        self._uid = uid

    @property
    def key(self) -> bytes:
        """The user."""
        return b"quota:%d" % self._uid

    def document(self) -> Document:
        """What is known now."""
        return self._directory.document(self._uid)

    async def settle(self) -> None:
        """Her limits are known, and what she submitted before is counted."""
        await self._directory.settle(self._uid)


class QuotaDirectory(Directory):
    """The files of all users.

    Args:
        catalog: Knows what users have.
        source: Knows what they may have.
        ownership: Of this directory.
        settled: Waits until every file that was closed before now is submitted.
        clock: Unix seconds.
    """

    __slots__ = ("_catalog", "_clock", "_ownership", "_settled", "_source")

    def __init__(
        self,
        catalog: Catalog,
        source: Source,
        ownership: Ownership,
        *,
        settled: Callable[[], Awaitable[None]],
        clock: Callable[[], float],
    ) -> None:
        self._catalog = catalog
        self._source = source
        self._ownership = ownership
        self._settled = settled
        self._clock = clock

    @property
    def key(self) -> bytes:
        """The one directory."""
        return b"quota"

    def attributes(self) -> Attributes:
        """Readable by all."""
        return self._ownership.directory()

    async def child(self, name: str) -> QuotaFile | None:
        """The file of the user of that number."""
        found = self.listed(name)
        if found:
            await found.settle()
        return found

    def listed(self, name: str) -> QuotaFile | None:
        """Likewise."""
        is_uid = name.isascii() and name.isdecimal() and name == str(int(name)) and int(name) <= _MOST_UID
        return QuotaFile(self, int(name)) if is_uid else None

    async def names(self) -> Sequence[str]:
        """Users who have anything."""
        await self._settled()
        return await trio.to_thread.run_sync(self._names)

    def _names(self) -> list[str]:
        day = day_of(self._clock())
        with self._catalog.snapshot() as snapshot:
            return [str(u.uid) for u in snapshot.usages() if u.environments or u.own_bytes or u.builds_on(day)]

    async def settle(self, uid: int) -> None:
        """What a user has and may have is known."""
        await self._settled()
        await self._source.know(uid)

    def document(self, uid: int) -> Document:
        """The text about one user."""
        now = self._clock()
        with self._catalog.snapshot() as snapshot:
            used = snapshot.usage(uid)
        return Document(render(_describe(used, self._source.limits_of(uid), now)).encode(), uid, 0, now)


def _describe(used: UsageRecord, limits: Limits, now: float) -> dict[str, Value]:
    return {
        "environments": used.environments,
        "max_environments": limits.environments,
        "builds_today": used.builds_on(day_of(now)),
        "max_builds_per_day": limits.builds_per_day,
        "own_bytes": used.own_bytes,
        "max_own_bytes": limits.own_bytes,
        "used_up": used_up(used, limits, now),
    }
