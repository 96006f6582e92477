"""Whose a file of `.specs` is: an extended attribute of the file underneath, which itself belongs to the daemon.

So the daemon needs no right to change owners, files survive its restart with theirs, and nobody but the daemon can
open what lies in the state directory. Format of `user.condafs.owner`: `<uid>:<gid>:<permissions, octal>` in ASCII.
Where that cannot be kept (symbolic links, a filesystem without user attributes), owner and mode underneath count.
"""

import errno
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from typing import Self, TypeAlias

ATTRIBUTE = "user.condafs.owner"
_UNKNOWN = frozenset({errno.ENODATA, errno.ENOTSUP, errno.EPERM})  # EPERM: xattr(7), no user attributes on symlinks

Place: TypeAlias = "str | int"
"""A path underneath, or the descriptor of an open file."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Owner and permission bits as people see them."""

    uid: int
    gid: int
    permissions: int

    def encode(self) -> bytes:
        """As it is stored."""
        return f"{self.uid}:{self.gid}:{self.permissions:o}".encode("ascii")

    @classmethod
    def decode(cls, content: bytes) -> Self:
        """The inverse of `encode`; ValueError for anything else."""
        uid, gid, permissions = content.decode("ascii").split(":")
        return cls(int(uid), int(gid), int(permissions, 8))


def read_owner(place: Place, found: os.stat_result) -> Owner:
    """The stored owner, or the one underneath (`found`, of the same file)."""
    if not stat.S_ISLNK(found.st_mode):
        try:
            return Owner.decode(os.getxattr(place, ATTRIBUTE))
        except OSError as error:
            if error.errno not in _UNKNOWN:
                raise
        except ValueError:
            pass  # somebody else's attribute: as if there were none
    return Owner(found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode))


def write_owner(place: Place, owner: Owner) -> None:
    """Store the owner."""
    try:
        os.setxattr(place, ATTRIBUTE, owner.encode(), follow_symlinks=isinstance(place, int))
    except OSError as error:
        if error.errno not in _UNKNOWN:
            raise
        _write_underneath(place, owner)


def _write_underneath(place: Place, owner: Owner) -> None:
    # The daemon must be able to open it whatever the owner forbids himself.
    follow = isinstance(place, int)
    found = os.stat(place, follow_symlinks=follow)  # noqa: PTH116 - or a descriptor
    if not stat.S_ISLNK(found.st_mode):
        own = 0o700 if stat.S_ISDIR(found.st_mode) else 0o600
        os.chmod(place, owner.permissions | own)  # noqa: PTH101 - or a descriptor
    with suppress(PermissionError):
        os.chown(place, owner.uid, owner.gid, follow_symlinks=follow)
