"""Exports of builds: opened by who reads them, laid out and hashed beside that, never stored.

Concurrency: everything here runs on the event loop; bytes are computed by processes of their own, so that whoever reads
gigabytes keeps nobody else from an answer.
"""

import errno
import logging
import os
from collections import Counter, OrderedDict
from enum import StrEnum
from typing import Protocol

import trio

from condafs.catalog.store import Catalog
from condafs.config import Settings
from condafs.errors import MachineError
from condafs.export.hashing import Hashing
from condafs.export.images import Image, Images
from condafs.export.index import TAR
from condafs.export.layouts import Layouts
from condafs.export.pool import MAX_READ_BYTES, Archive, ReaderPool, Stretch
from condafs.names import BuildName

logger = logging.getLogger(__name__)

REMEMBERED = 64
"""Exports that stay open after the last reader has gone: some descriptors and a mapped index each."""

QUIET_SECONDS = 3
"""How long after a build its exports are laid out: what is wanted next, somebody's first steps in it, comes first."""


class Format(StrEnum):
    """What an export is, by the end of its name."""

    TAR = "tar"
    OCI = "oci"


class Export(Protocol):
    """One file that is computed while it is read.

    Attributes:
        build: What it is of.
        identity: The same for the same content.
        size_bytes: Exact.
    """

    @property
    def build(self) -> BuildName: ...  # noqa: D102

    @property
    def identity(self) -> str: ...  # noqa: D102

    @property
    def size_bytes(self) -> int: ...  # noqa: D102

    async def read(self, offset: int, size: int) -> memoryview:
        """Up to `size` bytes at `offset`, and up to MAX_READ_BYTES; fewer only at the end. To be let go of soon.

        Raises:
            OSError: EIO, when a file of the build is not what it was; a line is logged.
        """
        ...


class TarExport:
    """`.tar`."""

    def __init__(self, build: BuildName, archive: Archive, pool: ReaderPool) -> None:
        self.build = build
        self.identity = Format.TAR.value
        self.size_bytes = archive.index.size_bytes
        self._archive = archive
        self._pool = pool

    async def read(self, offset: int, size: int) -> memoryview:
        """See `Export`."""
        size = _clip(size, self.size_bytes - offset)
        return await self._pool.read([Stretch(self._archive, offset, size)])


class OciExport:
    """`.oci`."""

    def __init__(self, build: BuildName, image: Image, pool: ReaderPool) -> None:
        self.build = build
        self.identity = f"{Format.OCI.value}-{image.identity}"
        self.size_bytes = image.archive.size_bytes
        self._image = image
        self._pool = pool

    async def read(self, offset: int, size: int) -> memoryview:
        """See `Export`. What holds a digest waits for the hashing of those layers, which happens once ever."""
        archive = self._image.archive
        size = _clip(size, self.size_bytes - offset)
        try:
            digests = await self._image.digests(archive.layers_needed(offset, size))
        except MachineError as error:
            logger.warning("%s: cannot be exported: %s", self.build, error)
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(self.build)) from None
        return await self._pool.read(archive.parts(offset, size, digests))


def _clip(size: int, most: int) -> int:
    """How much is read at a time, and never beyond the end."""
    return max(0, min(size, most, MAX_READ_BYTES))


class Exports:
    """Opens exports, and keeps what they need.

    Args:
        catalog: Opened for writing: it keeps digests.
        settings: Directories and the base of images.
        nursery: Work goes on in it when who asked has gone.
    """

    def __init__(self, catalog: Catalog, settings: Settings, nursery: trio.Nursery) -> None:
        self._builds = settings.builds
        self._nursery = nursery
        self._layouts = Layouts(settings.builds, settings.exports, nursery)
        self._images = Images(catalog, settings, self._layouts, Hashing(catalog, nursery))
        self._pool = ReaderPool()
        nursery.start_soon(self._pool.run)
        self._preparing = trio.CapacityLimiter(1)
        self._open: OrderedDict[tuple[BuildName, str], Export] = OrderedDict()
        self._held: Counter[BuildName] = Counter()
        self._released = trio.Event()

    async def find(self, build: BuildName, kind: Format) -> Export:
        """An export of a published build.

        Raises:
            MachineError: The build is damaged, there is no room for its index, or the base of images is not there.
        """
        if kind is Format.TAR:
            key = build, Format.TAR.value
            if (known := self._open.get(key)) is None:
                archive = await self._layouts.open(build, TAR)
                known = TarExport(build, archive, self._pool)
        else:
            image = await self._images.find(build)
            key = build, f"{Format.OCI.value}-{image.identity}"
            known = self._open.get(key) or OciExport(build, image, self._pool)
        self._open[key] = known
        self._open.move_to_end(key)
        while len(self._open) > REMEMBERED:
            self._open.popitem(last=False)
        return known

    def prepare_soon(self, build: BuildName) -> None:
        """A build was published: lay its exports out and hash its layers, in the background."""
        self._nursery.start_soon(self._prepare, build)

    async def _prepare(self, build: BuildName) -> None:
        await trio.sleep(QUIET_SECONDS)
        try:
            async with self._preparing:
                await self._layouts.begin(build).done.wait()
                image = await self._images.find(build)
                for job in image.begin_hashing():
                    await job.done.wait()
        except MachineError as error:
            logger.info("%s: its image is not prepared: %s", build, error)

    # Who reads

    def hold(self, build: BuildName) -> None:
        """Somebody has an export of it open."""
        self._held[build] += 1

    def release(self, build: BuildName) -> None:
        """And has it no more."""
        self._held[build] -= 1
        if not self._held[build]:
            del self._held[build]
            self._released.set()
            self._released = trio.Event()

    async def unused(self, build: BuildName) -> None:
        """Wait until nobody has an export of a build open."""
        while self._held[build]:
            await self._released.wait()

    def remove(self, build: BuildName) -> None:
        """The files of a build are about to go. Blocking."""
        self._layouts.remove(build)

    def forget(self, build: BuildName) -> None:
        """Nothing of a build is open any more."""
        for key in [key for key in self._open if key[0] == build]:
            del self._open[key]
        self._images.forget(build)
