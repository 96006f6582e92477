"""Which images an OCI layout holds for a platform (OCI image specification, image-index.md).

Errors are ValueErrors whose text is the end of a sentence that names the archive.
"""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any

from condafs.export.base_blobs import Find, read_blob
from condafs.export.digests import hex_of
from condafs.export.documents import INDEX, MANIFEST, Platform

_INDEXES = frozenset({INDEX, "application/vnd.docker.distribution.manifest.list.v2+json"})
_MANIFESTS = frozenset({MANIFEST, "application/vnd.docker.distribution.manifest.v2+json"})

_SAME_VARIANTS = {"arm64": "v8", "amd64": "v1"}
"""What a missing variant means (containerd, platforms/database.go)."""

_MAX_DEPTH = 4
_MAX_DOCUMENTS = 500


@dataclass(frozen=True, slots=True)
class Candidate:
    """An image for the platform.

    Attributes:
        name: That the archive gives it; "" for none.
        digest_hex: What tells it from others.
        manifest, config: Documents.
    """

    name: str
    digest_hex: str
    manifest: Mapping[str, Any]
    config: Mapping[str, Any]


@dataclass(slots=True)
class Chooser:
    """Looks through an index.

    Attributes:
        find: Where blobs are.
        platform: What is looked for.
        others: Platforms of the images that are not for it.
    """

    find: Find
    platform: Platform
    others: list[str] = field(default_factory=list)
    _documents: int = 0

    def images(self, index: Mapping[str, Any]) -> list[Candidate]:
        """All images that `index.json` names, but of each image for several platforms the first that fits."""
        return [found for entry in entries(index, "manifests") if (found := next(self._of(entry, 0), None))]

    def _of(self, descriptor: Any, depth: int) -> Iterator[Candidate]:
        """Images that a descriptor leads to. Blobs that are not there are other platforms', which nobody wanted."""
        if not isinstance(descriptor, dict) or depth > _MAX_DEPTH:
            return
        kind = str(descriptor.get("mediaType"))
        platform = descriptor.get("platform")
        if isinstance(platform, dict) and not matches(platform, self.platform, self.others):
            return
        if kind in _INDEXES and (index := self._blob(descriptor)) is not None:
            for entry in entries(index, "manifests"):
                yield from self._of(entry, depth + 1)
        elif kind in _MANIFESTS and (manifest := self._blob(descriptor)) is not None:
            config = self._blob(manifest.get("config"))
            # What has no operating system is no image, but something else in the same form (manifest.md, "Guidelines
            # for Artifact Usage").
            if config is not None and "os" in config and matches(config, self.platform, self.others):
                yield Candidate(_name(descriptor), hex_of(descriptor["digest"]), manifest, config)

    def _blob(self, descriptor: Any) -> dict[str, Any] | None:
        """A document that is what its digest says; None when it is not there."""
        self._documents += 1
        if self._documents > _MAX_DOCUMENTS:
            msg = f"it has more than {_MAX_DOCUMENTS} documents"
            raise ValueError(msg)
        digest_hex = hex_of(descriptor.get("digest") if isinstance(descriptor, dict) else None)
        place = self.find(f"blobs/sha256/{digest_hex}")
        if place is None:
            return None
        content = read_blob(place)
        if sha256(content).hexdigest() != digest_hex:
            msg = f"the blob {digest_hex} is not what its name says: it is damaged, or was tampered with"
            raise ValueError(msg)
        found: dict[str, Any] = document(content, dict)
        return found


def entries(mapping: Mapping[str, Any], name: str) -> list[Any]:
    """A list in a document; ValueError when it is none."""
    found = mapping.get(name)
    if not isinstance(found, list):
        msg = f"it has no list {name!r} where there should be one"
        raise ValueError(msg)  # noqa: TRY004 - the archive is wrong, not the program
    return found


def document(content: bytes, form: type) -> Any:
    """What JSON says; ValueError when it is none, or of another form."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        found = None
    if not isinstance(found, form):
        msg = "a document in it is not the JSON that it should be"
        raise ValueError(msg)  # noqa: TRY004 - the archive is wrong, not the program
    return found


def matches(found: Mapping[str, Any], platform: Platform, others: list[str]) -> bool:
    """Whether an image is for a platform; if not, its own is added to `others`.

    Args:
        found: A document with `os`, `architecture` and `variant`.
        platform: What is looked for.
        others: Is appended to.
    """
    own = Platform(*(str(found.get(name) or "") for name in ("architecture", "os", "variant")))
    variants = {"", platform.variant, _SAME_VARIANTS.get(platform.architecture, "")}
    if (own.os, own.architecture) == (platform.os, platform.architecture) and own.variant in variants:
        return True
    if own.os and own.os != "unknown":  # attestations of BuildKit have that
        others.append(str(own)[:100])
    return False


def _name(descriptor: Mapping[str, Any]) -> str:
    annotations = descriptor.get("annotations")
    name = annotations.get("org.opencontainers.image.ref.name") if isinstance(annotations, dict) else None
    return str(name or "")[:200]
