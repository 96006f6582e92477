"""The base that somebody has as a file: an OCI archive, an OCI layout, or a docker archive (`docker save`).

Layers are not hashed here, documents are: who reads a damaged layer will see that its digest is another.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from condafs.errors import UserError
from condafs.export.base_blobs import Find, compression_of, open_blobs, read_blob
from condafs.export.base_config import base_config
from condafs.export.base_index import Candidate, Chooser, document, entries, matches
from condafs.export.configuration import BaseConfig
from condafs.export.digests import hex_of
from condafs.export.documents import LAYER_TAR, Platform
from condafs.export.member import Slice

_DOCKER_LAYER = "application/vnd.docker.image.rootfs"
_FOREIGN_LAYER = "application/vnd.oci.image.layer.nondistributable.v1.tar"

_MEDIA_TYPES = {
    **{name: name for plain in (LAYER_TAR, _FOREIGN_LAYER) for name in (plain, f"{plain}+gzip", f"{plain}+zstd")},
    f"{_DOCKER_LAYER}.diff.tar": LAYER_TAR,
    f"{_DOCKER_LAYER}.diff.tar.gzip": f"{LAYER_TAR}+gzip",
    f"{_DOCKER_LAYER}.diff.tar.zstd": f"{LAYER_TAR}+zstd",
    f"{_DOCKER_LAYER}.foreign.diff.tar": _FOREIGN_LAYER,
    f"{_DOCKER_LAYER}.foreign.diff.tar.gzip": f"{_FOREIGN_LAYER}+gzip",
}
"""Of layers -> the same in OCI's words (media-types.md, "Compatibility Matrix"); encrypted ones are not among them."""


@dataclass(frozen=True, slots=True)
class BaseLayer:
    """A layer that is there already.

    Attributes:
        content: Where in the archive it is.
        media_type: An OCI one.
        digest_hex: As the manifest says, 64 hex digits.
        diff_id_hex: As the configuration says, 64 hex digits.
    """

    content: Slice
    media_type: str
    digest_hex: str
    diff_id_hex: str

    @property
    def size_bytes(self) -> int:
        """Of the blob."""
        return self.content.length


@dataclass(frozen=True, slots=True)
class BaseImage:
    """An image in an archive.

    Attributes:
        layers: The lowest first.
        config: What is inherited.
        digest_hex: Of the manifest, or of the configuration in a docker archive: either decides about all the rest.
    """

    layers: tuple[BaseLayer, ...]
    config: BaseConfig
    digest_hex: str


def read_archive(path: Path, platform: Platform) -> BaseImage:
    """The image in an archive.

    Args:
        path: Absolute.
        platform: Which one of several.

    Raises:
        UserError: There is none; the text says why, and what can be done.
    """
    find = open_blobs(path)
    try:
        if place := find("index.json"):
            return _oci_image(find, place, platform)
        if place := find("manifest.json"):
            return _docker_image(find, place, platform)
    except ValueError as error:
        msg = f"the base {path} cannot be used: {error}"
        raise UserError(msg) from None
    msg = f"the base {path} holds no image: it has neither index.json (OCI) nor manifest.json (docker)"
    raise UserError(msg)


def _oci_image(find: Find, index: Slice, platform: Platform) -> BaseImage:
    chooser = Chooser(find, platform)
    found = _only(chooser.images(document(read_blob(index), dict)), platform, chooser.others)
    config = base_config(found.config)
    descriptors = entries(found.manifest, "layers")
    layers = [_oci_layer(find, *pair) for pair in _paired(descriptors, config)]
    return BaseImage(tuple(layers), config, found.digest_hex)


def _oci_layer(find: Find, descriptor: Any, diff_id_hex: str) -> BaseLayer:
    if not isinstance(descriptor, dict):
        msg = "a layer is described by something that is no mapping"
        raise ValueError(msg)  # noqa: TRY004 - the archive is wrong, not the program
    digest_hex = hex_of(descriptor.get("digest"))
    media_type = str(descriptor.get("mediaType"))
    if media_type not in _MEDIA_TYPES:
        msg = f"the layer {digest_hex} is of a kind that cannot be handed on: {media_type[:100]!r}"
        raise ValueError(msg)
    place = _layer_place(find, f"blobs/sha256/{digest_hex}")
    if place.length != descriptor.get("size"):
        msg = f"the layer {digest_hex} has {place.length} bytes, and not as many as its manifest says"
        raise ValueError(msg)
    return BaseLayer(place, _MEDIA_TYPES[media_type], digest_hex, diff_id_hex)


def _docker_image(find: Find, listing: Slice, platform: Platform) -> BaseImage:
    images: list[Candidate] = []
    others: list[str] = []
    for image in document(read_blob(listing), list):
        place = find(str(image.get("Config"))) if isinstance(image, dict) else None
        if place is None:
            msg = "manifest.json names a configuration that is not there"
            raise ValueError(msg)
        text = read_blob(place)
        config = document(text, dict)
        if matches(config, platform, others):
            tags = image.get("RepoTags")
            name = ", ".join(map(str, tags)) if isinstance(tags, list) else ""
            images.append(Candidate(name, sha256(text).hexdigest(), image, config))
    found = _only(images, platform, others)
    config = base_config(found.config)
    layers = [_docker_layer(find, *pair) for pair in _paired(entries(found.manifest, "Layers"), config)]
    return BaseImage(tuple(layers), config, found.digest_hex)


def _docker_layer(find: Find, name: Any, diff_id_hex: str) -> BaseLayer:
    place = _layer_place(find, str(name))
    if how := compression_of(read_blob(place, 8)):
        # Its digest would have to be computed; skopeo does that, and once.
        msg = f"its layers are compressed with {how}: `skopeo copy docker-archive:… oci-archive:…` makes one that can"
        raise ValueError(msg)
    return BaseLayer(place, LAYER_TAR, diff_id_hex, diff_id_hex)


def _layer_place(find: Find, name: str) -> Slice:
    place = find(name)
    if place is None:
        msg = f"the layer {name[:200]} is missing"
        raise ValueError(msg)
    return place


def _paired(layers: Sequence[Any], config: BaseConfig) -> list[tuple[Any, str]]:
    """Layers, each with the digits of its DiffID."""
    diff_ids = config["rootfs"]["diff_ids"]
    if len(layers) != len(diff_ids):
        msg = f"its manifest has {len(layers)} layers, its configuration {len(diff_ids)}"
        raise ValueError(msg)
    return [(layer, hex_of(diff_id)) for layer, diff_id in zip(layers, diff_ids, strict=True)]


def _only(images: Sequence[Candidate], platform: Platform, others: Sequence[str]) -> Candidate:
    """The one image of an archive: nobody could say which one of several is meant."""
    found = {image.digest_hex: image for image in images}
    if not found:
        there = f", but for {', '.join(sorted(set(others)))}" if others else ""
        msg = f"it holds no image for {platform}{there}"
        raise ValueError(msg)
    if len(found) > 1:
        names = ", ".join(image.name or image.digest_hex for image in found.values())
        msg = f"it holds several images ({names}): make an archive of one with skopeo copy"
        raise ValueError(msg)
    return next(iter(found.values()))
