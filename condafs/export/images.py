"""Images of builds: a base, the layers of the environment, and what the image says of itself.

What decides about an image beside its build, and so is in its `identity`: the `image:` key of the latest document of
the name, and the base. The layer or layers of a base are laid out like those of builds, once a base, in
`<state>/exports/base-<key>/layers`.
"""

import hashlib
import itertools
import json
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import trio

from condafs.catalog.store import Catalog
from condafs.config import Settings, machine_platform
from condafs.errors import MachineError
from condafs.export.base import HOST, Base, BaseLayer, find_base, glibc_version
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
from condafs.export.layers import IMAGE_PREFIX
from condafs.export.layout import IndexWriter
from condafs.export.layouts import Layouts
from condafs.export.pool import Archive, Stretch
from condafs.export.repository import repository_name
from condafs.export.workshop import Job
from condafs.names import BuildName
from condafs.spec.image import ImageSettings

REMEMBERED = 64
"""Images that stay put together."""

BASE_SECONDS = 30
"""How long a base is taken to be what it was: a look at it is a few hundred system calls."""


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
        self._documents = documents
        self.archive = ImageArchive([layer.content for layer in layers], self._described)

    def _described(self, digests: Sequence[str]) -> Documents:
        return self._documents([_with_digest(layer, d) for layer, d in zip(self.layers, digests, strict=True)])

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
    """

    def __init__(self, catalog: Catalog, settings: Settings, layouts: Layouts, hashing: Hashing) -> None:
        self._catalog = catalog
        self._settings = settings
        self._layouts = layouts
        self._hashing = hashing
        self._bases: dict[str, tuple[float, Base]] = {}
        self._images: OrderedDict[tuple[BuildName, str], Image] = OrderedDict()

    async def find(self, build: BuildName) -> Image:
        """The image of a published build.

        Raises:
            MachineError: The build is damaged, or there is no room.
            UserError: The base is not there.
        """
        with self._catalog.snapshot() as snapshot:
            settings = snapshot.image(build.name)
        base = await self._base(settings.base or self._settings.image_base)
        identity = _identity(settings, base)
        image = self._images.get((build, identity))
        if image is None:
            image = await self._put_together(build, settings, base, identity)
        self._images[build, identity] = image
        self._images.move_to_end((build, identity))
        while len(self._images) > REMEMBERED:
            self._images.popitem(last=False)
        return image

    def forget(self, build: BuildName) -> None:
        """A build goes."""
        for key in [key for key in self._images if key[0] == build]:
            del self._images[key]

    async def _base(self, setting: str) -> Base:
        looked, base = self._bases.get(setting, (-BASE_SECONDS, None))
        if base is None or trio.current_time() - looked > BASE_SECONDS:
            base = await trio.to_thread.run_sync(find_base, setting)
            self._bases[setting] = trio.current_time(), base
        return base

    async def _put_together(self, build: BuildName, settings: ImageSettings, base: Base, identity: str) -> Image:
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

        return Image(identity, [*below, *own], documents, self._hashing)


def _documents(configuration: Configuration, platform: Platform, repository: str, layers: Sequence[Layer]) -> Documents:
    config = config_document(configuration, platform, layers)
    manifest = manifest_document(config, layers)
    index = index_document(manifest, platform, repository)
    return Documents(config, manifest, index, docker_manifest(config, layers, repository))


def _identity(settings: ImageSettings, base: Base) -> str:
    text = json.dumps(["condafs image 1", asdict(settings), base.key], sort_keys=True)
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
