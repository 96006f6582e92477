"""Exports of builds: opened by who reads them, laid out and hashed beside that, never stored.

Descriptors and mappings are held for exports that somebody has open; of others no more is kept than how large they are.

Concurrency: everything here runs on the event loop; bytes are computed by processes of their own, so that whoever reads
gigabytes keeps nobody else from an answer.
"""

import errno
import logging
import math
import os
from collections import Counter, OrderedDict
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol
from weakref import WeakValueDictionary

import trio

from condafs.catalog.store import Catalog
from condafs.config import Settings
from condafs.errors import CondafsError, MachineError, UserError
from condafs.export.hashing import Hashing
from condafs.export.images import Image, Images
from condafs.export.index import TAR
from condafs.export.layouts import Layouts
from condafs.export.pool import MAX_READ_BYTES, Archive, ReaderPool, Stretch
from condafs.journal import about
from condafs.names import BuildName, EnvironmentName

logger = logging.getLogger(__name__)

REMEMBERED = 20_000
"""Exports whose size is remembered."""

LINGER_SECONDS = 2
MOST_LINGERING = 16
"""Exports that stay open for a moment after a look-up, and how many: a listing looks up thousands."""

QUIET_SECONDS = 10
"""How long no build may have run before exports are laid out: builds, and first steps in what was built, come first."""


class Format(StrEnum):
    """What an export is, by the end of its name."""

    TAR = "tar"
    OCI = "oci"


@dataclass(frozen=True, slots=True)
class Description:
    """An export that nobody needs to have open.

    Attributes:
        build: What it is of.
        kind: In what form.
        identity: Of two exports of a build, equal for equal content.
        size_bytes: Exact.
    """

    build: BuildName
    kind: Format
    identity: str
    size_bytes: int


class Export(Protocol):
    """An export that is open: one file that is computed while it is read."""

    async def read(self, offset: int, size: int) -> memoryview:
        """Up to `size` bytes at `offset`, and up to MAX_READ_BYTES; fewer only at the end. To be let go of soon.

        Raises:
            OSError: EIO, when a file of the build is not what it was; a line is logged.
        """
        ...


class TarExport:
    """`.tar`."""

    identity = TAR

    def __init__(self, archive: Archive, pool: ReaderPool) -> None:
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
        self.identity = image.identity
        self.size_bytes = image.archive.size_bytes
        self._build = build
        self._image = image
        self._pool = pool

    async def read(self, offset: int, size: int) -> memoryview:
        """See `Export`. What holds a digest waits for the hashing of those layers, which happens once ever."""
        archive = self._image.archive
        size = _clip(size, self.size_bytes - offset)
        try:
            digests = await self._image.digests(archive.layers_needed(offset, size))
        except MachineError as error:
            logger.warning("%s: cannot be exported: %s", self._build, error, extra=about(self._build))
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(self._build)) from None
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
        self._catalog = catalog
        self._nursery = nursery
        self._layouts = Layouts(settings.builds, settings.exports, nursery)
        self._images = Images(catalog, settings, self._layouts, Hashing(catalog, nursery), nursery)
        self._pool = ReaderPool()
        nursery.start_soon(self._pool.run)
        nursery.start_soon(self._images.look_at_base)
        self._preparing = trio.CapacityLimiter(1)
        self._sizes: OrderedDict[tuple[BuildName, str], int] = OrderedDict()
        self._open: WeakValueDictionary[tuple[BuildName, str], TarExport | OciExport] = WeakValueDictionary()
        self._no_builds = trio.Event()
        self._no_builds.set()
        self._last_build = -math.inf
        self._lingering = 0
        self._held: Counter[BuildName] = Counter()
        self._prepared: BuildName | None = None
        self._released = trio.Event()

    async def sweep(self) -> None:
        """Remove what a crash left; once, before anybody reads."""

        def is_ready(name: str) -> bool:
            with self._catalog.snapshot() as snapshot:
                return snapshot.is_ready(name)

        await trio.to_thread.run_sync(self._layouts.sweep, is_ready)

    async def find(self, build: BuildName, kind: Format) -> Description:
        """An export of a published build; its index is made when there is none.

        Raises:
            MachineError: The build is damaged, or there is no room for its index.
            UserError: The base of the image is not there, or not for everybody.
        """
        identity = TAR if kind is Format.TAR else await self._images.identity(build)
        size = self._sizes.get((build, identity))
        if size is None:
            export = await self._lay_open(build, kind)
            identity, size = export.identity, export.size_bytes
            self._sizes[build, identity] = size
            if len(self._sizes) > REMEMBERED:
                self._sizes.popitem(last=False)
        return Description(build, kind, identity, size)

    async def open(self, found: Description) -> Export:
        """Open an export.

        Raises:
            OSError: ESTALE, when the build has another image by now.
            MachineError, UserError: As `find`.
        """
        self._pool.warm_up()
        export = self._open.get((found.build, found.identity)) or await self._lay_open(found.build, found.kind)
        if export.identity != found.identity:
            raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), str(found.build))
        return export

    async def _lay_open(self, build: BuildName, kind: Format) -> TarExport | OciExport:
        """Open an export; whoever opens it in the next moment, as everybody who looked it up, finds it open."""
        export: TarExport | OciExport
        if kind is Format.TAR:
            export = TarExport(await self._layouts.open(build, TAR), self._pool)
        else:
            export = OciExport(build, await self._images.find(build), self._pool)
        self._open[build, export.identity] = export
        if self._lingering < MOST_LINGERING:
            self._lingering += 1
            self._nursery.start_soon(self._linger, export)
        return export

    async def _linger(self, export: TarExport | OciExport) -> None:
        await trio.sleep(LINGER_SECONDS)
        self._lingering -= 1
        del export

    def prepare_soon(self, build: BuildName) -> None:
        """A build was published: lay its exports out and hash its layers, in the background."""
        self._nursery.start_soon(self._prepare, build)

    async def _prepare(self, build: BuildName) -> None:
        async with self._preparing:
            await self._quiet()
            if not self._is_ready(build):
                return
            self._prepared = build
            try:
                job = self._layouts.begin(build)
                await job.done.wait()
                if job.error:
                    raise job.error
                image = await self._images.find(build)
                for hashing in image.begin_hashing():
                    await hashing.done.wait()
            except UserError as error:
                logger.info("%s: its image is not prepared: %s", build, error, extra=about(build))
            except CondafsError as error:
                logger.warning("%s", error, extra=about(build))
            finally:
                self._prepared = None
                self._tell_released()

    def note_building(self, *, is_building: bool) -> None:
        """Whether any build is being made from now on."""
        self._last_build = trio.current_time()
        if is_building:
            self._no_builds = trio.Event()
        else:
            self._no_builds.set()

    async def _quiet(self) -> None:
        """Wait until no build has run for a while."""
        while not self._no_builds.is_set() or trio.current_time() < self._last_build + QUIET_SECONDS:
            await self._no_builds.wait()
            await trio.sleep_until(self._last_build + QUIET_SECONDS)

    def _is_ready(self, build: BuildName) -> bool:
        with self._catalog.snapshot() as snapshot:
            return snapshot.is_ready(str(build))

    def hold(self, build: BuildName) -> None:
        """Somebody has an export of it open."""
        self._held[build] += 1

    def release(self, build: BuildName) -> None:
        """And has it no more."""
        self._held[build] -= 1
        if not self._held[build]:
            del self._held[build]
            self._tell_released()

    def _tell_released(self) -> None:
        self._released.set()
        self._released = trio.Event()

    def count_open(self, name: EnvironmentName) -> dict[BuildName, int]:
        """How many exports of which builds of an environment somebody has open."""
        return {build: count for build, count in self._held.items() if build.name == name}

    async def clear(self, build: BuildName) -> None:
        """A build is to go: wait until no export of it is open or being prepared, and remove what was kept for them."""
        while self._held[build] or self._prepared == build:
            await self._released.wait()
        await self._layouts.settle(build)
        for key in [key for key in self._sizes if key[0] == build]:
            del self._sizes[key]
        await trio.to_thread.run_sync(self._layouts.remove, build)
