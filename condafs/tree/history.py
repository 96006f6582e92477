"""`.history`: for each environment, retired ones too, a directory with one link for each generation."""

from collections.abc import Sequence

import trio

from condafs.errors import InvalidNameError
from condafs.names import EnvironmentName
from condafs.tree.links import GenerationLink
from condafs.tree.node import Attributes, Directory, Ownership
from condafs.tree.resolve import generation_link
from condafs.tree.sources import Catalog


class GenerationsDirectory(Directory):
    """`.history/foo`."""

    __slots__ = ("_catalog", "_name", "_ownership")

    def __init__(self, catalog: Catalog, name: EnvironmentName, ownership: Ownership) -> None:
        self._catalog = catalog
        self._name = name
        self._ownership = ownership

    @property
    def key(self) -> bytes:
        """The environment."""
        return b"history:" + self._name.text.encode()

    def attributes(self) -> Attributes:
        """Readable by all."""
        return self._ownership.directory()

    async def child(self, name: str) -> GenerationLink:
        """The link of that generation."""
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
    """`.history`."""

    __slots__ = ("_catalog", "_ownership")

    def __init__(self, catalog: Catalog, ownership: Ownership) -> None:
        self._catalog = catalog
        self._ownership = ownership

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
        return GenerationsDirectory(self._catalog, environment, self._ownership)

    def listed(self, name: str) -> GenerationsDirectory:
        """The directory, whether or not the environment is still there."""
        return GenerationsDirectory(self._catalog, EnvironmentName(name), self._ownership)

    async def names(self) -> Sequence[str]:
        """All environments."""
        return await trio.to_thread.run_sync(self._names)

    def _names(self) -> list[str]:
        with self._catalog.snapshot() as snapshot:
            return list(snapshot.environment_names())
