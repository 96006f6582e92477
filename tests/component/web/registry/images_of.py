"""Images as the mount has them: `.oci` archives, made by hand."""

import hashlib
import io
import json
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from condafs.names import BuildName

MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@dataclass(frozen=True)
class Made:
    """An image.

    Attributes:
        layers: By digest, without `sha256:`.
        config, manifest: Documents.
    """

    layers: dict[str, bytes]
    config: bytes
    manifest: bytes

    @property
    def digest(self) -> str:
        return f"sha256:{sha256(self.manifest)}"


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def encode(document: Any) -> bytes:
    return json.dumps(document).encode()


def descriptor(content: bytes, media_type: str) -> dict[str, object]:
    return {"mediaType": media_type, "digest": f"sha256:{sha256(content)}", "size": len(content)}


def put_image(mount: Path, build: BuildName, label: str = "") -> Made:
    """Write the image of a build; it is another file than the one before."""
    layers = [b"the same in all" * 1000, build.digest.hex.encode() * 500]
    config = encode({"label": label, "build": str(build)})
    manifest = encode(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": descriptor(config, "application/vnd.oci.image.config.v1+json"),
            "layers": [descriptor(layer, "application/vnd.oci.image.layer.v1.tar") for layer in layers],
        }
    )
    index = encode({"schemaVersion": 2, "manifests": [descriptor(manifest, MANIFEST)]})
    temporary = mount / "new"
    with tarfile.open(temporary, "w") as archive:
        _add(archive, "oci-layout", b"{}")
        archive.addfile(_directory("blobs"))
        for blob in (*layers, config, manifest):
            _add(archive, f"blobs/sha256/{sha256(blob)}", blob)
        _add(archive, "index.json", index)
        _add(archive, "manifest.json", b"[]")
    temporary.replace(mount / f"{build}.oci")
    return Made({sha256(layer): layer for layer in layers}, config, manifest)


def _add(archive: tarfile.TarFile, name: str, content: bytes) -> None:
    item = tarfile.TarInfo(name)
    item.size = len(content)
    archive.addfile(item, io.BytesIO(content))


def _directory(name: str) -> tarfile.TarInfo:
    item = tarfile.TarInfo(name)
    item.type = tarfile.DIRTYPE
    return item
