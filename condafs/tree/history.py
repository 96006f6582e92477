"""`.history`: for each environment, retired ones too, a directory with one link for each generation.

`.events` in it, which says who did what (`events`), is not listed: whoever lists generations gets generations.
"""

from collections.abc import Awaitable, Callable, Sequence

import trio

from condafs.errors import InvalidNameError
from condafs.names import EnvironmentName
from condafs.tree.events import EVENTS, EventsFile, EventTexts
from condafs.tree.links import GenerationLink
from condafs.tree.node import Attributes, Directory, Ownership
from condafs.tree.resolve import generation_link
from condafs.tree.sources import Catalog


class GenerationsDirectory(Directory):
    """`.history/foo`."""

    __slots__ = ("_catalog", "_events", "_name", "_ownership")

    def __init__(self, catalog: Catalog, name: EnvironmentName, ownership: Ownership, events: EventsFile) -> None:
        self._catalog = catalog
        self._name = name
        self._ownership = ownership
        self._events = events

    @property
    def key(self) -> bytes:
        """The environment."""
        return b"history:" + self._name.text.encode()

    @property
    def events(self) -> EventsFile:
        """`.events`."""
        return self._events

    def attributes(self) -> Attributes:
        """Readable by all."""
        return self._ownership.directory()

    async def child(self, name: str) -> GenerationLink | EventsFile:
        """The link of that generation, or the events."""
        if name == EVENTS:
            await self._events.settle()
            return self._events
        await self._catalog.settled()
        return self.listed(name)

    def listed(self, name: str) -> GenerationLink:
        """The link, whether or not the generation is there."""
        return GenerationLink(self._catalog, self._name, name)

    async def names(self) -> Sequence[str]:
        """All generations, oldest first; whoever sees a new one sees the name lead there."""
        await self._catalog.settled()
        with self._catalog.snapshot() as snapshot:
            found = sorted(snapshot.ready_digests(self._name), key=lambda pair: pair[1])
        return [generation_link(digest, generation) for digest, generation in found]


class HistoryDirectory(Directory):
    """`.history`.

    Args:
        catalog: Has the generations and the events.
        ownership: Of the directories.
        settled: Waits until every file that was closed before now is submitted.
    """

    __slots__ = ("_catalog", "_ownership", "_settled", "_texts")

    def __init__(self, catalog: Catalog, ownership: Ownership, settled: Callable[[], Awaitable[None]]) -> None:
        self._catalog = catalog
        self._ownership = ownership
        self._settled = settled
        self._texts = EventTexts(catalog)

    @property
    def key(self) -> bytes:
        """The one history."""
        return b"history"

    def attributes(self) -> Attributes:
        """Readable by all."""
        return self._ownership.directory()

    async def child(self, name: str) -> GenerationsDirectory | None:
        """The generations of one environment."""
        try:
            environment = EnvironmentName(name)
        except InvalidNameError:
            return None
        with self._catalog.snapshot() as snapshot:
            if snapshot.environment(environment) is None:
                return None
        return self._generations(environment)

    def listed(self, name: str) -> GenerationsDirectory:
        """The directory, whether or not the environment is still there."""
        return self._generations(EnvironmentName(name))

    def _generations(self, name: EnvironmentName) -> GenerationsDirectory:
        events = EventsFile(self._texts, name, self._settled)
        return GenerationsDirectory(self._catalog, name, self._ownership, events)

    async def names(self) -> Sequence[str]:
        """All environments."""
        return await trio.to_thread.run_sync(self._names)

    def _names(self) -> list[str]:
        with self._catalog.snapshot() as snapshot:
            return list(snapshot.environment_names())
