"""One `.oci` of the mount, open: where its blobs are, and its manifest.

Its members are `oci-layout`, the layers, the configuration, the manifest, `index.json` and `manifest.json`, with blobs
called `blobs/sha256/<digest>` (OCI image-layout specification). The header of a layer holds the digest, so the first
one ever who reads it waits for the hashing of that layer, a second or so for a gigabyte.
"""

import io
import json
import os
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256

from condafs.client.envs import Envs
from condafs.errors import MachineError, NotFoundError
from condafs.names import BuildName
from condafs.repository import repository_name
from condafs.web.errors import BusyError
from condafs.web.mount import Mount
from condafs.web.mounted_file import Content, MountedFile

_BLOBS = "blobs/sha256/"
_INDEX = "index.json"


@dataclass(frozen=True, slots=True)
class Place:
    """Which file: another image of the same build is another one, and while one is open, no other has its place.

    Attributes:
        device: Of the mount. After a new start of the daemon it is another; what was open is of no use then.
        inode: Of the file.
    """

    device: int
    inode: int


@dataclass(frozen=True, slots=True)
class Blob:
    """Where a blob is in the file."""

    begin: int
    size_bytes: int


@dataclass(eq=False, slots=True)
class Image:
    """An open file, and what is in it.

    Attributes:
        build: What it is of.
        place: Of the file.
        manifest: The document.
        digest: Of the manifest, `sha256:…`.
        media_type: Of the manifest.
        blobs: By digest, 64 hex digits.
    """

    build: BuildName
    place: Place
    manifest: bytes
    digest: str
    media_type: str
    blobs: Mapping[str, Blob]
    _mount: Mount
    _fd: int
    _file: MountedFile = field(init=False)
    _is_open: bool = field(init=False, default=True)

    def __post_init__(self) -> None:
        """From now on the file closes with this."""
        self._file = MountedFile(self._mount, self._fd, 0)

    def content(self, blob: Blob) -> Content:
        """A blob to be sent; it can be read on when this is closed.

        Raises:
            BusyError: This is closed already: asking again opens it.
        """
        if not self._is_open:
            msg = "too many images are being pulled at once: ask again"
            raise BusyError(msg)
        file = MountedFile(self._mount, os.dup(self._fd), blob.begin + blob.size_bytes)
        return Content(file, blob.begin, blob.size_bytes)

    def close(self) -> None:
        """Let the file go."""
        self._is_open = False
        self._file.close()

    @property
    def repository(self) -> str:
        """What it is called in a registry."""
        return repository_name(self.build.name.text)


def find_device(envs: Envs) -> int:
    """Which mount it is now. Blocking."""
    return envs.mount.stat().st_dev


def find_place(envs: Envs, build: BuildName) -> Place:
    """Which file is the image of a build now. Blocking.

    Raises:
        NotFoundError: The build is not published (any more).
    """
    try:
        return _place((envs.mount / f"{build}.oci").stat())
    except FileNotFoundError:
        raise _gone(build) from None


def open_image(envs: Envs, mount: Mount, build: BuildName) -> Image:
    """Open the image of a build. Blocking, for as long as its layers have to be hashed.

    Raises:
        NotFoundError: The build is not published (any more).
        MachineError: The file is no image.
    """
    try:
        fd = os.open(envs.mount / f"{build}.oci", os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise _gone(build) from None
    try:
        return read_image(mount, build, fd)
    except BaseException:
        os.close(fd)
        raise


def read_image(mount: Mount, build: BuildName, fd: int) -> Image:
    """The image that an open file is, whose descriptor it has from then on; see `open_image`."""
    size_bytes = os.fstat(fd).st_size
    _read(fd, Blob(max(0, size_bytes - 1), 1))  # the end waits for all layers: they are hashed side by side
    # Headers are far from each other: reading ahead would have the daemon compute 128 KiB for each.
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
    try:
        places = _members(fd)
        descriptor = json.loads(_read(fd, places[_INDEX]))["manifests"][0]
        digest, media_type = str(descriptor["digest"]), str(descriptor["mediaType"])
        manifest = _read(fd, places[f"{_BLOBS}{digest.removeprefix('sha256:')}"])
    except (tarfile.TarError, ValueError, KeyError, IndexError, TypeError) as error:
        msg = f"{build}.oci of the mount is no image: {error!r}"
        raise MachineError(msg) from None
    os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_NORMAL)
    if digest != f"sha256:{sha256(manifest).hexdigest()}":
        msg = f"{build}.oci of the mount is no image: its manifest is not what its index says"
        raise MachineError(msg)
    blobs = {name.removeprefix(_BLOBS): blob for name, blob in places.items() if name.startswith(_BLOBS)}
    return Image(build, _place(os.fstat(fd)), manifest, digest, media_type, blobs, mount, fd)


def _members(fd: int) -> dict[str, Blob]:
    """Where the files of a tar are."""
    with io.FileIO(fd, closefd=False) as file, tarfile.open(fileobj=file, mode="r:") as archive:
        return {item.name: Blob(item.offset_data, item.size) for item in archive if item.isfile()}


def _read(fd: int, blob: Blob) -> bytes:
    return os.pread(fd, blob.size_bytes, blob.begin)


def _place(found: os.stat_result) -> Place:
    return Place(found.st_dev, found.st_ino)


def _gone(build: BuildName) -> NotFoundError:
    return NotFoundError(f"{build} has no image: it is not published (any more), or its image cannot be made")
