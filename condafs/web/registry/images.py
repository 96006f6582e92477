"""The images that are open, for as long as somebody pulls.

An open image keeps the files of a build that is deleted, so it is a lease: it ends some time after the last request,
and when too many others are open. A download that goes on longer has the file open itself.
"""

import logging
import math
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias

import trio

from condafs.errors import CondafsError, MachineError, NotFoundError
from condafs.names import BuildName
from condafs.web.errors import BusyError
from condafs.web.mount import Mount
from condafs.web.registry.image import Image, Place, find_device, find_place, open_image

logger = logging.getLogger(__name__)

MOST = 64
"""Open at once; one takes a descriptor, in the daemon too, and about 50 kB."""

LEASE_SECONDS = 600
"""From the last request on. Clients take manifest and layers within minutes; who comes back later finds the image anew
by its build."""

TIDY_SECONDS = 30

PATIENCE_SECONDS = 25
"""How long a request waits for an image: what clients of containers take without complaint."""

OPENING_SECONDS = 600
"""For the opening itself, which goes on when who asked has gone: the first one ever hashes all layers."""

OPENINGS = 4
"""At a time, so that threads are left for others."""


Key: TypeAlias = "tuple[BuildName, Place]"


@dataclass(slots=True)
class _Opening:
    """An image that is being opened.

    Attributes:
        done: When it is, or cannot be.
        image, error: One of them, then.
    """

    done: trio.Event = field(default_factory=trio.Event)
    image: Image | None = None
    error: CondafsError | None = None


class Images:
    """Opens images and keeps them open for a while.

    Args:
        mount: Has them.
        nursery: Opening and closing go on in it.
        most: Open at once.
    """

    def __init__(self, mount: Mount, nursery: trio.Nursery, most: int = MOST) -> None:
        self._mount = mount
        self._nursery = nursery
        self._most = most
        self._open: OrderedDict[Key, Image] = OrderedDict()
        self._used: dict[Key, float] = {}
        self._opening: dict[BuildName, _Opening] = {}
        self._openings = trio.CapacityLimiter(OPENINGS)
        self._searching = trio.CapacityLimiter(1)

    def __len__(self) -> int:
        """How many are open."""
        return len(self._open)

    async def of(self, build: BuildName, patience_seconds: float = PATIENCE_SECONDS) -> Image:
        """The image of a build as it is now: what its latest document says of it may have changed.

        Raises:
            NotFoundError: It is not published (any more).
            BusyError: Its layers are being hashed, the first time ever.
        """
        image: Image | None = None
        with trio.move_on_after(patience_seconds):
            place = await self._mount.ask(find_place, build, patience_seconds=OPENING_SECONDS)
            image = self._use((build, place)) or await self._opened(build)
        if image is None:
            msg = f"the image of {build.name} is being laid out and hashed, which happens once: ask again"
            raise BusyError(msg)
        return image

    async def having(self, repository: str, digest_hex: str) -> Image | None:
        """An open image of that repository that has a blob."""
        await self._close_dead()
        found = next((image for image in self._of(repository) if digest_hex in image.blobs), None)
        return found and self._use((found.build, found.place))

    async def with_manifest(self, repository: str, digest: str) -> Image | None:
        """An open image of that repository by the digest of its manifest."""
        await self._close_dead()
        found = next((image for image in self._of(repository) if image.digest == digest), None)
        return found and self._use((found.build, found.place))

    async def _close_dead(self) -> None:
        """Close what a daemon had that is gone."""
        device = await self._mount.ask(find_device)
        for key in [key for key in self._open if key[1].device != device]:
            self._close(key)

    async def search(self, builds: Sequence[BuildName], digest_hex: str) -> Image | None:
        """The first of these builds' images that has a blob. One search at a time.

        Raises:
            BusyError: It takes too long; asking again goes on from here.
        """
        with trio.move_on_after(PATIENCE_SECONDS):
            async with self._searching:
                for build in builds:
                    if image := await self._having(build, digest_hex):
                        return image
                return None
        msg = "images are being opened to look for this: ask again"
        raise BusyError(msg)

    async def _having(self, build: BuildName, digest_hex: str) -> Image | None:
        try:
            image = await self.of(build, math.inf)
        except (NotFoundError, MachineError):
            return None  # deleted meanwhile, or what its image stands on is not there
        if digest_hex in image.blobs:
            return image
        key = (build, image.place)
        if key in self._open:  # looked into, and not asked for: it goes before those that are
            self._open.move_to_end(key, last=False)
        return None

    def _of(self, repository: str) -> Iterator[Image]:
        return (image for image in reversed(self._open.values()) if image.repository == repository)

    def _use(self, key: Key) -> Image | None:
        image = self._open.get(key)
        if image:
            self._open.move_to_end(key)
            self._used[key] = trio.current_time()
        return image

    async def _opened(self, build: BuildName) -> Image:
        opening = self._opening.get(build)
        if opening is None:
            opening = self._opening[build] = _Opening()
            self._nursery.start_soon(self._begin, build, opening)
        await opening.done.wait()
        if opening.image is None:
            raise opening.error or BusyError("the server ends")
        return opening.image

    async def _begin(self, build: BuildName, opening: _Opening) -> None:
        try:
            async with self._openings:
                opening.image = await self._mount.ask(open_image, self._mount, build, patience_seconds=OPENING_SECONDS)
        except CondafsError as error:
            opening.error = error
        else:
            self._keep(opening.image)
        finally:
            del self._opening[build]
            opening.done.set()

    def _keep(self, image: Image) -> None:
        key = (image.build, image.place)
        if not self._open:
            self._nursery.start_soon(self._tidy)
        elif key in self._open:  # it was another one when it was looked up
            self._close(key)
        self._open[key] = image
        self._used[key] = trio.current_time()
        while len(self._open) > self._most:
            self._close(next(iter(self._open)))

    async def _tidy(self) -> None:
        while self._open:
            await trio.sleep(TIDY_SECONDS)
            deadline = trio.current_time() - LEASE_SECONDS
            for key in [key for key, used in self._used.items() if used <= deadline]:
                self._close(key)

    def _close(self, key: Key) -> None:
        del self._used[key]
        self._open.pop(key).close()
