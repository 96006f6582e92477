"""Images of builds: a base, the layers of the environment, and what the image says of itself.

What decides about an image beside its build, and so is in its `identity`: the `image:` key of the latest document of
the name, and the base. The layer or layers of a base are laid out like those of builds, once a base, in
`<state>/exports/base-<key>/layers`.
"""

import hashlib
import itertools
import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import trio

from condafs.catalog.store import Catalog
from condafs.config import Settings, machine_platform
from condafs.errors import CondafsError, MachineError, UserError
from condafs.export.base import HOST, Base, BaseLayer, find_base, glibc_version
from condafs.export.base_public import require_public
from condafs.export.configuration import Configuration, configure
from condafs.export.documents import (
    LAYER_TAR,
    Layer,
    Platform,
    config_document,
    docker_manifest,
    index_document,
    manifest_document,
    platform_of,
)
from condafs.export.facts import Facts, LaidOut
from condafs.export.hashing import Hashing, KeyedLayer
from condafs.export.image import UNKNOWN, Documents, ImageArchive
from condafs.export.index import LAYERS
from condafs.export.layers import IMAGE_PREFIX, MAX_PACKAGE_LAYERS
from condafs.export.layout import IndexWriter
from condafs.export.layouts import Layouts
from condafs.export.pool import Archive, Stretch
from condafs.export.workshop import Job
from condafs.names import BuildName
from condafs.repository import repository_name
from condafs.spec.image import ImageSettings

logger = logging.getLogger(__name__)

MAX_BASE_LAYERS = 125 - MAX_PACKAGE_LAYERS - 2
"""docker takes 125 layers; tail and environment are ours too."""

BASE_SECONDS = 10
"""How old the last look at a base may be before it is looked at again, beside the answer: it takes 20 ms."""

LONGEST_SECONDS = 300
"""And before who asks has to wait for that."""


@dataclass(frozen=True, slots=True)
class PlacedLayer:
    """A layer of an image, and where its bytes are.

    Attributes:
        described: As the documents name it; digests are UNKNOWN where they have to be found out.
        content: Its bytes.
        key: What its digest is kept under; b"" when it is known from the beginning.
    """

    described: Layer
    content: Stretch
    key: bytes = b""


class Image:
    """One image, laid out.

    Args:
        identity: Equal for equal content.
        layers: The lowest first.
        documents: Makes the documents of layers.
        hashing: Knows digests.

    Attributes:
        archive: The image as one file.
        layers: The lowest first.
    """

    def __init__(
        self,
        identity: str,
        layers: Sequence[PlacedLayer],
        documents: Callable[[Sequence[Layer]], Documents],
        hashing: Hashing,
    ) -> None:
        self.identity = identity
        self.layers = layers
        self._hashing = hashing
        self._keyed = [KeyedLayer(layer.key, layer.content) for layer in layers]

        def described(digests: tuple[str, ...]) -> Documents:
            return documents([_with_digest(layer, digest) for layer, digest in zip(layers, digests, strict=True)])

        self.archive = ImageArchive([layer.content for layer in layers], described)

    async def digests(self, wanted: range) -> list[str]:
        """The digests of all layers: of those that are wanted the true ones, of others UNKNOWN perhaps.

        Raises:
            MachineError: They cannot be found out.
        """
        await self._hashing.wait(self._keyed, wanted)
        return [
            layer.described.digest_hex if not layer.key else self._hashing.known(layer.key) or UNKNOWN
            for layer in self.layers
        ]

    def begin_hashing(self) -> list[Job]:
        """Have unknown digests found out in the background; returns who is at work."""
        return self._hashing.begin(self._keyed)


class Images:
    """Puts images together.

    Args:
        catalog: Knows the `image:` keys.
        settings: The base for those that name none.
        layouts: Of builds.
        hashing: Knows digests.
        nursery: Bases are looked at again in it.
    """

    def __init__(
        self, catalog: Catalog, settings: Settings, layouts: Layouts, hashing: Hashing, nursery: trio.Nursery
    ) -> None:
        self._catalog = catalog
        self._settings = settings
        self._layouts = layouts
        self._hashing = hashing
        self._nursery = nursery
        self._bases: dict[tuple[str, bool], tuple[float, Base]] = {}

    async def identity(self, build: BuildName) -> str:
        """What tells the image of a build from others that it had or will have; cheap.

        Raises:
            UserError: The base is not there.
        """
        return _identity(*await self._wrapping(build))

    async def find(self, build: BuildName) -> Image:
        """The image of a published build.

        Raises:
            MachineError: The build is damaged, or there is no room.
            UserError: The base is not there.
        """
        settings, base = await self._wrapping(build)
        return await self._put_together(build, settings, base)

    async def _wrapping(self, build: BuildName) -> tuple[ImageSettings, Base]:
        with self._catalog.snapshot() as snapshot:
            settings = snapshot.image(build.name)
        return settings, await self._base(settings.base or self._settings.image_base, is_public=bool(settings.base))

    async def _base(self, setting: str, *, is_public: bool) -> Base:
        """A base; one that a specification names has to be everybody's, for everybody can read the image."""
        looked, base = self._bases.get((setting, is_public), (-LONGEST_SECONDS, None))
        age = trio.current_time() - looked
        if base is None or age > LONGEST_SECONDS:
            return await self._look_at_base(setting, is_public)
        if age > BASE_SECONDS:
            self._bases[setting, is_public] = trio.current_time(), base
            self._nursery.start_soon(self._look_again, setting, is_public)
        return base

    async def look_at_base(self) -> None:
        """Look at the base of most images, so that the first who wants one need not wait."""
        await self._look_again(self._settings.image_base, False)  # noqa: FBT003 - of a task

    async def _look_again(self, setting: str, is_public: bool) -> None:  # noqa: FBT001 - of a task
        try:
            await self._look_at_base(setting, is_public)
        except CondafsError as error:
            self._bases.pop((setting, is_public), None)  # who asks next will hear
            logger.info("images cannot stand on %s: %s", setting, error)

    async def _look_at_base(self, setting: str, is_public: bool) -> Base:  # noqa: FBT001 - likewise
        base = await trio.to_thread.run_sync(_find_base, setting, is_public)
        self._bases[setting, is_public] = trio.current_time(), base
        return base

    async def _put_together(self, build: BuildName, settings: ImageSettings, base: Base) -> Image:
        below = await trio.to_thread.run_sync(_lay_out_base, base, self._settings.exports)
        archive = await self._layouts.open(build, LAYERS)
        facts = Facts(**archive.index.notes["facts"])
        own = [_place(archive, LaidOut(**layer)) for layer in archive.index.notes["layers"]]
        # The host's C library is in the image when the base is the host's.
        host_glibc = glibc_version() if base.members else ""
        configuration = configure(build, facts, settings, base.config, prefix=IMAGE_PREFIX, host_glibc=host_glibc)

        platform, repository = platform_of(machine_platform()), repository_name(build.name.text)

        def documents(layers: Sequence[Layer]) -> Documents:
            return _documents(configuration, platform, repository, layers)

        return Image(_identity(settings, base), [*below, *own], documents, self._hashing)


def _documents(configuration: Configuration, platform: Platform, repository: str, layers: Sequence[Layer]) -> Documents:
    config = config_document(configuration, platform, layers)
    manifest = manifest_document(config, layers)
    index = index_document(manifest, platform, repository)
    return Documents(config, manifest, index, docker_manifest(config, layers, repository))


def _find_base(setting: str, is_public: bool) -> Base:  # noqa: FBT001 - called by a thread
    if is_public and setting.startswith("/"):
        require_public(Path(setting))
    base = find_base(setting)
    if len(base.layers) > MAX_BASE_LAYERS:
        msg = f"{setting} has {len(base.layers)} layers; images can stand on {MAX_BASE_LAYERS} at most: squash it"
        raise UserError(msg)
    return base


def _identity(settings: ImageSettings, base: Base) -> str:
    text = json.dumps(["oci 1", asdict(settings), base.key], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _with_digest(layer: PlacedLayer, digest: str) -> Layer:
    described = layer.described
    if not layer.key:
        return described
    return Layer(described.media_type, digest, digest, described.size_bytes, described.comment, described.package)


def _place(archive: Archive, layer: LaidOut) -> PlacedLayer:
    described = Layer(LAYER_TAR, UNKNOWN, UNKNOWN, layer.size, layer.comment, layer.package)
    return PlacedLayer(described, Stretch(archive, layer.start, layer.size), bytes.fromhex(layer.key))


def _lay_out_base(base: Base, exports: Path) -> list[PlacedLayer]:
    """The layers of a base. Blocking."""
    if not base.members and not base.layers:
        return []
    path = exports / f"base-{base.key}" / LAYERS
    try:
        if not path.exists():
            _write_base(base, path)
        archive = Archive(path, Path("/"))
    except (OSError, ValueError) as error:
        msg = f"the base of images cannot be laid out: {error}"
        raise MachineError(msg) from None
    if base.members:
        size = archive.index.size_bytes
        described = Layer(LAYER_TAR, UNKNOWN, UNKNOWN, size, f"base: {HOST}")
        return [PlacedLayer(described, Stretch(archive, 0, size), bytes.fromhex(base.key))]
    ends = itertools.accumulate(layer.size_bytes for layer in base.layers)
    return [_place_below(archive, end, layer) for end, layer in zip(ends, base.layers, strict=True)]


def _write_base(base: Base, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = IndexWriter()
    if base.members:
        for member in base.members:
            writer.add_member(member)
        writer.end_archive()
    for layer in base.layers:
        writer.add([layer.content])
    writer.write(path)


def _place_below(archive: Archive, end: int, layer: BaseLayer) -> PlacedLayer:
    described = Layer(layer.media_type, layer.digest_hex, layer.diff_id_hex, layer.size_bytes, "base")
    return PlacedLayer(described, Stretch(archive, end - layer.size_bytes, layer.size_bytes))
