"""`.specs` itself: the files underneath, and a message beside each that was refused."""

import errno
import os
import stat
from collections.abc import Callable, Container, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import trio

from condafs.names import EnvironmentName
from condafs.tree.node import Attributes, Caller, Changes, Handle, Node, Ownership, refuse
from condafs.tree.rights import Rights
from condafs.tree.sources import Catalog, Intake
from condafs.tree.specs.backing import Backed, Registry, key_of
from condafs.tree.specs.directory import SpecDirectory
from condafs.tree.specs.file import MAX_CHECKED_BYTES, SpecFile
from condafs.tree.specs.owner import read_owner
from condafs.tree.specs.refusals import Refusals, refused_file
from condafs.tree.specs.submissions import Submissions, Written
from condafs.tree.text import Document, TextFile

_NANOSECONDS = 10**9
_LISTING_PATIENCE_SECONDS = 1


@dataclass(frozen=True, slots=True)
class SpecFiles:
    """The files at the top, as submissions see them.

    Attributes:
        path: Directory underneath.
        registry: Knows which of them are open.
    """

    path: Path
    registry: Registry

    def exists(self, name: str) -> bool:
        """Whether there is a file of that name."""
        return (self.path / name).is_file()

    def is_being_written(self, name: str) -> bool:
        """Whether a writing handle of that file is open."""
        try:
            found = os.lstat(self.path / name)
        except FileNotFoundError:
            return False
        node = self.registry.find((found.st_dev, found.st_ino))
        return isinstance(node, SpecFile) and node.is_being_written

    def read(self, name: str) -> Written | None:
        """Blocking: make it durable and read it; None when it is gone or no regular file."""
        try:
            fd = os.open(self.path / name, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            return None
        with os.fdopen(fd, "rb", buffering=0):
            found = os.fstat(fd)
            if not stat.S_ISREG(found.st_mode):
                return None
            os.fsync(fd)
            return Written(os.pread(fd, MAX_CHECKED_BYTES, 0), found.st_mtime_ns, read_owner(fd, found).uid)


class RefusalFile(TextFile):
    """`foo.yaml.error`."""

    __slots__ = ("_directory", "_file_name")

    def __init__(self, directory: "SpecsDirectory", file_name: str) -> None:
        self._directory = directory
        self._file_name = file_name

    @property
    def key(self) -> bytes:
        """The file that was refused."""
        return b"refusal:" + self._file_name.encode()

    def document(self) -> Document:
        """The message."""
        return self._directory.message(self._file_name)

    async def settle(self) -> None:
        """The file is submitted."""
        await self._directory.settled(self._file_name)


class SpecsDirectory(SpecDirectory):
    """`.specs`.

    Args:
        path: The directory underneath; it is made when missing.
        catalog, intake: The rest of the house.
        ownership: Owner and mode that people see.
        rights: Of this mount.
        forget: Blocking: nobody remembers where an environment leads when it returns.
    """

    __slots__ = ("_ownership", "_refusals", "_spec_files")
    is_top = True

    def __init__(  # noqa: PLR0913, PLR0917 - everything that is written goes through here
        self,
        path: Path,
        catalog: Catalog,
        intake: Intake,
        ownership: Ownership,
        rights: Rights,
        forget: Callable[[EnvironmentName], None],
    ) -> None:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        registry = Registry(path)
        found = path.stat()
        self._spec_files = SpecFiles(path, registry)
        submissions = Submissions(intake, catalog, self._spec_files, forget)
        super().__init__(registry, submissions, (found.st_dev, found.st_ino), rights)
        self._refusals = Refusals(catalog)
        self._ownership = ownership
        registry.add(self)

    @property
    def path(self) -> str:
        """Where it is underneath."""
        return self.registry.path

    def attributes(self) -> Attributes:
        """Owner and mode as configured, the rest as underneath."""
        found = os.lstat(self.path)
        seen = self._ownership.directory(found.st_mtime_ns)
        return replace(seen, size_bytes=found.st_size)

    async def change(self, changes: Changes, handle: Handle | None = None) -> None:
        """Owner and mode hold until the next start, when the settings count again."""
        own = self._ownership
        self._ownership = replace(
            own,
            uid=own.uid if changes.uid is None else changes.uid,
            gid=own.gid if changes.gid is None else changes.gid,
            permissions=own.permissions if changes.permissions is None else changes.permissions,
        )
        times = Changes(mtime_ns=changes.mtime_ns, atime_ns=changes.atime_ns)
        await super().change(times, handle)

    async def child(self, name: str) -> Node | None:
        """A file, or the message about a refused one, which waits until it is known."""
        if file_name := refused_file(name):
            await self.submissions.settled(file_name)
        return self.listed(name)

    def listed(self, name: str) -> Node | None:
        """A file or message."""
        file_name = refused_file(name)
        if file_name is None:
            return super().listed(name)
        if self._refusals.find(file_name) is None:
            return None
        return RefusalFile(self, file_name)

    def message(self, file_name: str) -> Document:
        """Why a file was refused; FileNotFoundError when it is not."""
        record = self._refusals.find(file_name)
        if record is None:
            refuse(errno.ENOENT, file_name)
        path = self.path_of(file_name)
        owner = read_owner(path, os.lstat(path))
        content = record.refusal.encode(errors="replace")
        # It quotes the file, so it is for whom the file is.
        return Document(content, owner.uid, owner.gid, record.mtime_ns / _NANOSECONDS, owner.permissions & 0o444)

    def everything(self) -> Iterator[Backed]:
        """All files and directories; of those without a name, what another process had open."""
        yield from super().everything()
        for path, found in self.registry.kept_files():
            file = SpecFile((found.st_dev, found.st_ino), self.rights, self.submissions)
            file.kept, file.is_detached = path, True
            yield file

    def drop_kept(self, keys: Container[bytes]) -> None:
        """Of files without a name, remove all but those that were known by these keys when they had one."""
        for path, found in self.registry.kept_files():
            if key_of((found.st_dev, found.st_ino)) not in keys:
                Path(path).unlink()

    async def settled(self, *names: str) -> None:
        """Files closed before now are submitted; these, or all."""
        await self.submissions.settled(*names)

    def is_being_written(self, file_name: str) -> bool:
        """Whether a writing handle of that file is open."""
        return self._spec_files.is_being_written(file_name)

    def is_for_all(self, file_name: str) -> bool:
        """Whether everybody may read that file."""
        try:
            path = self.path_of(file_name)
            return bool(read_owner(path, os.lstat(path)).permissions & stat.S_IROTH)
        except FileNotFoundError:
            return False

    async def names(self) -> Sequence[str]:
        """Files and messages."""
        await self.submissions.settled(patience_seconds=_LISTING_PATIENCE_SECONDS)
        files = [name for name in await super().names() if not refused_file(name)]
        messages = await trio.to_thread.run_sync(list, self._refusals)
        return sorted([*files, *messages])

    async def unlink(self, name: str, caller: Caller) -> None:
        """Remove a file, or a message until there is a new one."""
        file_name = refused_file(name)
        if file_name is None:
            await super().unlink(name, caller)
        elif not self._refusals.dismiss(file_name):
            refuse(errno.ENOENT, name)

    def require_free(self, name: str, caller: Caller) -> None:
        """Names of messages are taken; one that was removed a moment ago is kept for who may bring it back.

        mv, install and git remove a file and write it again: nobody else gets in between.
        """
        whose = self.submissions.removals.whose(name)
        if refused_file(name) or (whose and not self.rights.may_act_for(caller.uid, *whose)):
            refuse(errno.EPERM, name)
