"""`.logs`: the log of every build that has one, as it grows. Removing that of a build in the making cancels it."""

import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path

import trio

from condafs.catalog.events import Author
from condafs.catalog.records import BuildState
from condafs.errors import InvalidNameError
from condafs.names import BuildName
from condafs.tree.node import Attributes, Caller, Directory, File, Handle, Lifetimes, Ownership, refuse
from condafs.tree.resolve import CANCELLABLE_STATES
from condafs.tree.rights import Rights
from condafs.tree.sources import Catalog, Steering

_SUFFIX = ".log"


class LogHandle(Handle):
    """An open log."""

    __slots__ = ("_fd",)

    def __init__(self, fd: int) -> None:
        self._fd = fd

    async def read(self, offset: int, size: int) -> bytes:
        """What is there by now."""
        return os.pread(self._fd, size, offset)

    async def release(self) -> None:
        """Close the file underneath."""
        os.close(self._fd)


class LogFile(File):
    """`.logs/<build>.log`."""

    __slots__ = ("_build", "_catalog", "_path")

    def __init__(self, path: Path, build: BuildName, catalog: Catalog) -> None:
        self._path = path
        self._build = build
        self._catalog = catalog

    @property
    def key(self) -> bytes:
        """The build."""
        return f"log:{self._build}".encode()

    def attributes(self) -> Attributes:
        """Size and times of the file underneath; owned by who asked for the build."""
        found = os.lstat(self._path)
        with self._catalog.snapshot() as snapshot:
            record = snapshot.build(self._build.digest)
        return Attributes(
            stat.S_IFREG | 0o444,
            record.owner_uid if record else os.geteuid(),
            0,
            found.st_size,
            mtime_ns=found.st_mtime_ns,
            atime_ns=found.st_atime_ns,
            ctime_ns=found.st_ctime_ns,
            disk_bytes=found.st_blocks * 512,
        )

    async def open_to_read(self) -> LogHandle:
        """Open the file underneath."""
        return LogHandle(os.open(self._path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW))


class LogsDirectory(Directory):
    """`.logs`.

    Args:
        catalog, steering: The rest of the house.
        path: Where the logs are.
        ownership: Of the directory; its sticky bit keeps other people's builds from being cancelled.
        rights: Of this mount.
    """

    __slots__ = ("_catalog", "_ownership", "_path", "_rights", "_steering")
    lifetimes = Lifetimes(attributes_seconds=1)

    def __init__(self, catalog: Catalog, steering: Steering, path: Path, ownership: Ownership, rights: Rights) -> None:
        self._rights = rights
        self._catalog = catalog
        self._steering = steering
        self._path = path
        self._ownership = ownership

    @property
    def key(self) -> bytes:
        """The one directory."""
        return b"logs"

    def attributes(self) -> Attributes:
        """Times of the directory underneath."""
        return self._ownership.directory(self._path.stat().st_mtime_ns)

    async def child(self, name: str) -> LogFile | None:
        """The log of that name."""
        return self.listed(name)

    def listed(self, name: str) -> LogFile | None:
        """The log, when it is there."""
        build = _build_of(name)
        if build is None or not os.path.lexists(self._path / name):
            return None
        return LogFile(self._path / name, build, self._catalog)

    async def names(self) -> Sequence[str]:
        """All logs."""
        found = await trio.to_thread.run_sync(os.listdir, self._path)
        return sorted(name for name in found if _build_of(name))

    def meaning(self, name: str) -> str:
        """Whether the build is cancelled: its log would be removed next."""
        build = _build_of(name)
        if build is None:
            return ""
        with self._catalog.snapshot() as snapshot:
            record = snapshot.build(build.digest)
        return "cancelled" if record and record.state is BuildState.CANCELLED else ""

    async def unlink(self, name: str, caller: Caller) -> None:
        """Cancel a build in the making, whose log stays; remove the log of any other."""
        build = _build_of(name)
        if build is None:
            refuse(errno.ENOENT, name)
        with self._catalog.snapshot() as snapshot:
            record = snapshot.build(build.digest)
        if record is not None and record.state in CANCELLABLE_STATES:
            await self._steering.cancel(build, Author(caller.uid))
        else:
            if record and not self._rights.may_act_for(caller.uid, record.owner_uid):
                refuse(errno.EPERM, name)
            (self._path / name).unlink()


def _build_of(name: str) -> BuildName | None:
    if not name.endswith(_SUFFIX):
        return None
    try:
        return BuildName.parse(name.removesuffix(_SUFFIX))
    except InvalidNameError:
        return None
