"""The files around LMDB: who may write, room that must be there, and whether there is any left.

`daemon.lock` is locked (flock) by the one process that writes, and holds its process id.
"""

import errno
import fcntl
import os
from pathlib import Path

from condafs.errors import CatalogError

LOCK_BYTES = 68 << 10
"""Size of `lock.mdb`: 1024 slots of 64 bytes for readers and LMDB's header (MDB_txninfo), in whole pages."""

FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""No room: on the disk, in a quota, within RLIMIT_FSIZE."""

_PROBE_BYTES = 1 << 16


def lock(path: Path) -> int:
    """Be the only writer for as long as the descriptor is open.

    Raises:
        CatalogError: Somebody else is.
    """
    fd = os.open(path / "daemon.lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(fd, 20, 0).decode(errors="replace").strip() or "unknown"
        os.close(fd)
        msg = f"another condafs (process {holder}) uses {path.parent}: end it, or name another directory with --state"
        raise CatalogError(msg) from None
    os.ftruncate(fd, 0)
    os.pwrite(fd, f"{os.getpid()}\n".encode(), 0)
    return fd


def reserve(lock_file: Path) -> None:
    """Give `lock.mdb` its blocks: it is mapped and written to, and a hole in it on a full disk would be a SIGBUS."""
    fd = os.open(lock_file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o660)
    try:
        os.posix_fallocate(fd, 0, LOCK_BYTES)
    finally:
        os.close(fd)


def share(path: Path, gid: int) -> None:
    """Let a group read the catalog in a directory: LMDB's readers register in `lock.mdb`, so they have to write to it.

    Files that are made later get the group from the directory (inode(7), set-group-ID).
    """
    os.chown(path, -1, gid)
    path.chmod(0o2750)
    for name, mode in (("data.mdb", 0o640), ("lock.mdb", 0o660)):
        if (path / name).exists():
            os.chown(path / name, -1, gid)
            (path / name).chmod(mode)


def can_grow(data: Path) -> bool:
    """Whether there is room for a file to grow.

    After a failed commit that has to be found out: LMDB reports a write that was cut short as EIO (mdb_page_flush).
    """
    try:
        fd = os.open(data, os.O_RDWR | os.O_CLOEXEC)
    except OSError:
        return True
    try:
        size = os.fstat(fd).st_size
        written = os.pwrite(fd, bytes(_PROBE_BYTES), size)  # behind everything that LMDB uses
        os.ftruncate(fd, size)
    except OSError as error:
        return error.errno not in FULL
    finally:
        os.close(fd)
    return written == _PROBE_BYTES
