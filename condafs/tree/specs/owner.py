"""Whose a file of `.specs` is: an extended attribute of the file underneath, which itself belongs to the daemon.

So the daemon needs no right to change owners, files survive its restart with theirs, and nobody but the daemon can
open what lies in the state directory. Format of `user.condafs.owner`: `<uid>:<gid>:<permissions, octal>` in ASCII.
Symbolic links can have no such attribute (xattr(7)): they are files that hold their target, marked by
`user.condafs.link`. Where attributes cannot be kept (a filesystem without), owner and mode underneath count, which only
root can set.
"""

import errno
import os
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeAlias

ATTRIBUTE = "user.condafs.owner"
LINK_ATTRIBUTE = "user.condafs.link"
_UNKNOWN = frozenset({errno.ENODATA, errno.ENOTSUP, errno.EPERM})  # EPERM: xattr(7), no user attributes on symlinks
_NO_NAMELESS = frozenset({errno.EOPNOTSUPP, errno.EISDIR, errno.EINVAL})

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


def find_owner(place: Place) -> Owner | None:
    """The stored owner of what is no symbolic link."""
    try:
        return Owner.decode(os.getxattr(place, ATTRIBUTE))
    except OSError as error:
        if error.errno not in _UNKNOWN:
            raise
    except ValueError:
        pass  # somebody else's attribute: as if there were none
    return None


def read_owner(place: Place, found: os.stat_result) -> Owner:
    """The stored owner, or the one underneath (`found`, of the same file)."""
    stored = None if stat.S_ISLNK(found.st_mode) else find_owner(place)
    return stored or Owner(found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode))


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
        os.chmod(place, owner.permissions & 0o1777 | own)  # noqa: PTH101 - or a descriptor
    with suppress(PermissionError):
        os.chown(place, owner.uid, owner.gid, follow_symlinks=follow)


def is_link(place: Place, found: os.stat_result) -> bool:
    """Whether a file underneath (`found`, of the same) stands for a symbolic link, or is one."""
    if stat.S_ISREG(found.st_mode):
        with suppress(OSError):
            return bool(os.getxattr(place, LINK_ATTRIBUTE))
    return stat.S_ISLNK(found.st_mode)


def make_file(path: str, owner: Owner) -> int:
    """Make a file whose it is from the first moment, whenever the daemon may die; its descriptor, to read and write.

    Raises:
        OSError: FileExistsError among others; nothing is made then.
    """
    fd = _open_new(path)
    had_name = _has_name(fd)
    try:
        write_owner(fd, owner)
        _name(fd, path)
    except OSError:
        if had_name:
            os.unlink(path)  # noqa: PTH108 - a text
        os.close(fd)
        raise
    return fd


def is_half_made(path: str) -> bool:
    """Whether it is a directory of which a daemon that was killed has not said whose it is; it is asked for again.

    Directories that people know are never made again: the kernel says that they are there.
    """
    is_directory = stat.S_ISDIR(os.lstat(path).st_mode)
    return is_directory and find_owner(path) is None and not any(Path(path).iterdir())


def make_link(path: str, target: str, owner: Owner) -> None:
    """Make what stands for a symbolic link; a real one where that cannot be marked."""
    fd = _open_new(path)
    with os.fdopen(fd, "wb", buffering=0) as file:
        file.write(os.fsencode(target))
        try:
            os.setxattr(fd, LINK_ATTRIBUTE, b"1")
        except OSError as error:
            if error.errno not in _UNKNOWN:
                raise
            if _has_name(fd):
                os.unlink(path)  # noqa: PTH108 - a text
            os.symlink(target, path)  # noqa: PTH211 - any text may be a target
            write_owner(path, owner)
            return
        write_owner(fd, owner)
        _name(fd, path)


def _open_new(path: str) -> int:
    """A file that has no name yet (open(2), O_TMPFILE), on the disk where it is to have one.

    Where there are no such files (NFS, FUSE) it has its name, and is the daemon's for a moment.
    """
    try:
        return os.open(Path(path).parent, os.O_RDWR | os.O_TMPFILE | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno not in _NO_NAMELESS:
            raise
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)


def _has_name(fd: int) -> bool:
    return os.fstat(fd).st_nlink > 0


def _name(fd: int, path: str) -> None:
    """Give it a name that is free. A directory is given so that Python calls linkat(2), which can follow the link."""
    if _has_name(fd):
        return
    os.link(f"/proc/self/fd/{fd}", path, src_dir_fd=fd, follow_symlinks=True)


def read_link(path: str) -> str:
    """The target of what `make_link` made."""
    try:
        return os.readlink(path)  # noqa: PTH115 - any text may be a target
    except OSError as error:
        if error.errno != errno.EINVAL:  # readlink(2): not a symbolic link
            raise
        return os.fsdecode(Path(path).read_bytes())


def can_keep_owners(directory: Path) -> bool:
    """Whether files of other people keep their owners there."""
    try:
        os.setxattr(directory, "user.condafs.check", b"1")
    except OSError:
        return os.geteuid() == 0  # who can set them underneath
    return True
