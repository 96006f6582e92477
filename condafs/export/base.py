"""What an image stands on below its environment: parts of this machine, nothing, or somebody's image.

Everything here blocks: call it in a thread.
"""

import os
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path

from condafs.config import machine_platform
from condafs.errors import MachineError, UserError
from condafs.export.base_archive import BaseLayer, read_archive
from condafs.export.base_host import host_members
from condafs.export.configuration import BaseConfig
from condafs.export.documents import platform_of
from condafs.export.member import Member, Slice

__all__ = ["HOST", "NONE", "Base", "BaseLayer", "find_base", "glibc_version"]

HOST = "host"
NONE = "none"


@dataclass(frozen=True, slots=True)
class Base:
    """What stands below.

    Attributes:
        members: Of one layer that is yet to be laid out, sorted by path, parents included; empty for none.
        layers: That are there already, the lowest first.
        config: What images on it inherit; empty for none.
        key: 64 hex digits; bases with the same key have the same bytes.
    """

    members: tuple[Member, ...] = ()
    layers: tuple[BaseLayer, ...] = ()
    config: BaseConfig = field(default_factory=dict)
    key: str = ""


def find_base(setting: str) -> Base:
    """What a setting stands for, as it is now.

    Args:
        setting: `host`, `none`, or the absolute path of an OCI archive, docker archive or OCI layout.

    Raises:
        UserError: There is no such archive, or it holds no image for this machine.
        MachineError: `host`, and this machine's C library is not the one that conda packages are made for, or cannot be
            read.
    """
    if setting == NONE:
        return Base(key=_key(()))
    if setting == HOST:
        try:
            members = host_members()
        except OSError as error:
            msg = f"what images stand on cannot be read: {error}"
            raise MachineError(msg) from error
        return Base(members, key=_key(members))
    if not setting.startswith("/"):
        msg = f"an image stands on host, none or an absolute path, not on {setting!r}"
        raise UserError(msg)
    found = read_archive(Path(setting), platform_of(machine_platform()))
    return Base(layers=found.layers, config=found.config, key=_archive_key(found.digest_hex, found.layers))


def _archive_key(digest_hex: str, layers: tuple[BaseLayer, ...]) -> str:
    """Of the image, and of where its layers are: layers are not hashed here, so the digest alone would not decide."""
    pieces = [
        (piece.source.path, piece.source.size_bytes, piece.source.mtime_ns, piece.offset, piece.length)
        for piece in (layer.content for layer in layers)
    ]
    return sha256(repr((digest_hex, pieces)).encode()).hexdigest()


def _key(members: tuple[Member, ...]) -> str:
    """Of what decides about bytes; files of the machine are told by their sizes and times, not by their paths."""
    hashed = sha256(b"condafs base 1\n")
    for member in members:
        pieces = [
            (piece.offset, piece.length, piece.source.size_bytes, piece.source.mtime_ns)
            if isinstance(piece, Slice)
            else piece
            for piece in member.content
        ]
        hashed.update(repr((member.path, member.kind.value, member.mode, member.target, pieces)).encode())
    return hashed.hexdigest()


def glibc_version() -> str:
    """This machine's glibc, as `2.36`; "" when its C library is another (confstr(3), _CS_GNU_LIBC_VERSION)."""
    try:
        text = os.confstr("CS_GNU_LIBC_VERSION")
    except (ValueError, OSError):
        return ""
    return (text or "").removeprefix("glibc ")
