"""The JSON documents of an image: configuration, manifest, index, and docker's list of images.

The same values always make the same bytes, and digests have 64 hex digits, so the length of a document does not depend
on them: an archive's size is known before anything is hashed.

Sources: OCI image specification 1.1 (config.md, manifest.md, image-index.md, annotations.md, image-layout.md) and
docker's image specification v1.2, "Combined Image JSON + Filesystem Changeset Format".
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256

from condafs.errors import UserError
from condafs.export.configuration import Configuration, execution_parameters, history, rfc3339

LAYER_TAR = "application/vnd.oci.image.layer.v1.tar"
"""Media type of a layer that is not compressed: what condafs makes."""

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"

OCI_LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'
"""The file `oci-layout` (image-layout.md)."""

PACKAGE_ANNOTATION = "condafs.package"

LATEST = "latest"

_REGISTRY = "localhost"
"""Never a real one, and never none, which docker takes for docker.io: a miss would pull a stranger's image."""

_ARCHITECTURES = {
    "32": ("386", ""),
    "64": ("amd64", ""),
    "aarch64": ("arm64", ""),
    "armv6l": ("arm", "v6"),
    "armv7l": ("arm", "v7"),
    "loongarch64": ("loong64", ""),
    "ppc64": ("ppc64", ""),
    "ppc64le": ("ppc64le", ""),
    "riscv64": ("riscv64", ""),
    "s390x": ("s390x", ""),
}
"""What follows `linux-` in conda's word -> GOARCH and variant (image-index.md, "Platform Variants")."""


@dataclass(frozen=True, slots=True)
class Layer:
    """A layer as documents speak of it.

    Attributes:
        media_type: An OCI one; `LAYER_TAR` of those that condafs makes.
        digest_hex: SHA-256 of the blob, 64 hex digits.
        diff_id_hex: SHA-256 of the tar in it; the same as `digest_hex` when it is not compressed.
        size_bytes: Of the blob.
        comment: What is in it, for people.
        package: `<name>-<version>-<build>`; "" for what is no single package's.
    """

    media_type: str
    digest_hex: str
    diff_id_hex: str
    size_bytes: int
    comment: str
    package: str = ""


@dataclass(frozen=True, slots=True)
class Platform:
    """What an image runs on, in Go's words, as the specification has it."""

    architecture: str
    os: str = "linux"
    variant: str = ""

    def __str__(self) -> str:
        return "/".join(filter(None, (self.os, self.architecture, self.variant)))

    def fields(self) -> dict[str, str]:
        """The same as JSON has it."""
        variant = {"variant": self.variant} if self.variant else {}
        return {"architecture": self.architecture, "os": self.os, **variant}


def platform_of(subdir: str) -> Platform:
    """The platform that conda calls `linux-64`, `linux-aarch64` and so on.

    Raises:
        UserError: No container runs on it.
    """
    system, _, machine = subdir.partition("-")
    if system != "linux" or machine not in _ARCHITECTURES:
        msg = f"there are no container images for the platform {subdir!r}"
        raise UserError(msg)
    architecture, variant = _ARCHITECTURES[machine]
    return Platform(architecture, variant=variant)


def config_document(config: Configuration, platform: Platform, layers: Sequence[Layer]) -> bytes:
    """The image configuration (config.md).

    Args:
        config: What containers start with.
        platform: Of the image.
        layers: All, the lowest first; those of the base archive, if there is one, come first.
    """
    return _encode(
        {
            **platform.fields(),
            "created": rfc3339(config.created),
            "config": execution_parameters(config),
            "rootfs": {"type": "layers", "diff_ids": [_digest(layer.diff_id_hex) for layer in layers]},
            "history": history(config, [layer.comment for layer in layers]),
        }
    )


def manifest_document(config: bytes, layers: Sequence[Layer]) -> bytes:
    """The image manifest (manifest.md).

    Args:
        config: The configuration document.
        layers: As there.
    """
    return _encode(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": _descriptor(CONFIG, sha256(config).hexdigest(), len(config)),
            "layers": [_layer_descriptor(layer) for layer in layers],
        }
    )


def index_document(manifest: bytes, platform: Platform, repository: str, tag: str = LATEST) -> bytes:
    """`index.json` of the layout, with the image's name.

    Args:
        manifest: The manifest document.
        platform: Of the image.
        repository: What `repository_name` makes of an environment's name.
        tag: What comes after the colon.
    """
    descriptor = {
        **_descriptor(MANIFEST, sha256(manifest).hexdigest(), len(manifest)),
        "platform": platform.fields(),
        "annotations": {
            "org.opencontainers.image.ref.name": f"{repository}:{tag}",
            # containerd's and podman's own key for a whole name: they take it where there is one.
            "io.containerd.image.name": f"{_REGISTRY}/{repository}:{tag}",
        },
    }
    return _encode({"schemaVersion": 2, "mediaType": INDEX, "manifests": [descriptor]})


def docker_manifest(config: bytes, layers: Sequence[Layer], repository: str, tag: str = LATEST) -> bytes:
    """The `manifest.json` of docker, which points to the same blobs as the index does.

    Args:
        config: The configuration document.
        layers: As there.
        repository: As in the index.
        tag: As in the index.
    """
    image = {
        "Config": _blob(sha256(config).hexdigest()),
        "RepoTags": [f"{_REGISTRY}/{repository}:{tag}"],
        "Layers": [_blob(layer.digest_hex) for layer in layers],
    }
    return _encode([image])


def _layer_descriptor(layer: Layer) -> dict[str, object]:
    descriptor = _descriptor(layer.media_type, layer.digest_hex, layer.size_bytes)
    if layer.package:
        descriptor["annotations"] = {PACKAGE_ANNOTATION: layer.package}
    return descriptor


def _descriptor(media_type: str, digest_hex: str, size_bytes: int) -> dict[str, object]:
    return {"mediaType": media_type, "digest": _digest(digest_hex), "size": size_bytes}


def _digest(digest_hex: str) -> str:
    return f"sha256:{digest_hex}"


def _blob(digest_hex: str) -> str:
    return f"blobs/sha256/{digest_hex}"


def _encode(document: Mapping[str, object] | Sequence[object]) -> bytes:
    return json.dumps(document, sort_keys=True, separators=(",", ":")).encode()
