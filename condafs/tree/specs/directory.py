"""Directories of `.specs`. Names at the top decide what is a specification; below the top everything is just kept."""

import errno
import logging
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import trio

from condafs.catalog.events import Author
from condafs.errors import UserError
from condafs.names import behalf_of
from condafs.tree.node import Caller, Directory, Node, refuse
from condafs.tree.rights import Rights
from condafs.tree.specs.backing import Backed, Identity, Registry, SpecLink, is_specification
from condafs.tree.specs.file import SpecFile, SpecHandle
from condafs.tree.specs.owner import Owner, is_half_made, is_link, make_file, make_link, read_owner, write_owner
from condafs.tree.specs.submissions import Submissions

logger = logging.getLogger(__name__)

BackedT = TypeVar("BackedT", bound=Backed)


class SpecDirectory(Backed, Directory):
    """A directory below `.specs`.

    Args:
        registry: The nodes and where they are underneath.
        submissions: Takes what is written.
        identity: Of the directory underneath.
        rights: Of this mount.
    """

    __slots__ = ("registry", "submissions")
    is_top = False

    def __init__(self, registry: Registry, submissions: Submissions, identity: Identity, rights: Rights) -> None:
        super().__init__(identity, rights)
        self.registry = registry
        self.submissions = submissions

    @property
    def path(self) -> str:
        """Where it is underneath."""
        place = self.place()
        return place if isinstance(place, str) else refuse(errno.ENOENT)

    def path_of(self, name: str) -> str:
        """Where a name of it is underneath."""
        return f"{self.path}/{name}"

    async def child(self, name: str) -> Node | None:
        """The node of that name."""
        return self.listed(name)

    def listed(self, name: str) -> Node | None:
        """The node of that name. Sockets and the like, which cannot be made here, are not shown."""
        try:
            found = os.lstat(self.path_of(name))
        except FileNotFoundError:
            return None
        return self._node(name, found)

    def _node(self, name: str, found: os.stat_result) -> Backed | None:
        identity = (found.st_dev, found.st_ino)
        node = self.registry.find(identity)
        if node is None:
            if is_link(self.path_of(name), found):
                node = SpecLink(identity, self.rights)
            elif stat.S_ISREG(found.st_mode):
                node = SpecFile(identity, self.rights, self.submissions)
            elif stat.S_ISDIR(found.st_mode):
                node = SpecDirectory(self.registry, self.submissions, identity, self.rights)
            else:
                return None
            self.registry.add(node)
        node.places.add((self, name))
        return node

    def _made(self, name: str, found: os.stat_result, sort: type[BackedT]) -> BackedT:
        node = self._node(name, found)
        return node if isinstance(node, sort) else refuse(errno.ESTALE, name)

    def everything(self) -> Iterator[Backed]:
        """This directory and all that is below it."""
        yield self
        for name in sorted(os.listdir(self.path)):  # noqa: PTH208 - names, not paths
            node = SpecDirectory.listed(self, name)
            if isinstance(node, SpecDirectory):
                yield from node.everything()
            elif isinstance(node, Backed):
                yield node

    async def names(self) -> Sequence[str]:
        """All names, sorted."""
        return sorted(await trio.to_thread.run_sync(os.listdir, self.path))

    async def make_file(self, name: str, permissions: int, caller: Caller) -> SpecFile:
        """A new empty file."""
        file, fd = self._create(name, permissions, caller)
        os.close(fd)
        return file

    async def create(self, name: str, permissions: int, flags: int, caller: Caller) -> tuple[SpecFile, SpecHandle]:
        """A new empty file, open."""
        file, fd = self._create(name, permissions, caller)
        return file, file.opened(fd, may_write=flags & os.O_ACCMODE != os.O_RDONLY)

    def _create(self, name: str, permissions: int, caller: Caller) -> tuple[SpecFile, int]:
        self.require_free(name, caller)
        path = self.path_of(name)
        fd = make_file(path, self._owner_of_new(permissions, caller))
        try:
            file = self._made(name, os.fstat(fd), SpecFile)
        except OSError:
            os.close(fd)
            Path(path).unlink()
            raise
        self._came_back(name)
        return file, fd

    def _owner_of_new(self, permissions: int, caller: Caller) -> Owner:
        """The maker's; a set-group-ID directory hands its group down, which the kernel leaves to the daemon."""
        mine = self.attributes()
        gid = mine.gid if mine.mode & stat.S_ISGID else caller.gid
        return self.rights.kept(Owner(caller.uid, gid, stat.S_IMODE(permissions)))

    async def make_directory(self, name: str, permissions: int, caller: Caller) -> "SpecDirectory":
        """A new empty directory."""
        self.require_free(name, caller)
        path = self.path_of(name)
        owner = self._owner_of_new(permissions, caller)
        inherited = self.attributes().mode & stat.S_ISGID
        try:
            os.mkdir(path, 0o700)  # noqa: PTH102 - as everything here, short and underneath
        except FileExistsError:
            if not is_half_made(path):
                raise
        write_owner(path, Owner(owner.uid, owner.gid, owner.permissions | inherited))
        return self._made(name, os.lstat(path), SpecDirectory)

    async def make_symlink(self, name: str, target: str, caller: Caller) -> SpecLink:
        """A new symbolic link, not under the name of a specification."""
        self.require_free(name, caller)
        self.refuse_specification(name)
        path = self.path_of(name)
        make_link(path, target, self._owner_of_new(0o777, caller))
        return self._made(name, os.lstat(path), SpecLink)

    async def make_link(self, file: Node, name: str, caller: Caller) -> None:
        """One more name for a file; under the name of a specification it is submitted."""
        self.require_free(name, caller)
        if not isinstance(file, SpecFile | SpecLink):
            refuse(errno.EPERM, name)
        if not isinstance(file, SpecFile):
            self.refuse_specification(name)
        elif self.holds_specification(name):
            self._require_own(file, name, caller)
            await self._require_valid(file, name)
        place = file.place()
        if isinstance(place, int):
            refuse(errno.ENOENT, name)
        os.link(place, self.path_of(name), follow_symlinks=False)
        file.places.add((self, name))
        self._came_back(name)
        if isinstance(file, SpecFile) and self.holds_specification(name):
            file.put_into_place(name)

    async def unlink(self, name: str, caller: Caller) -> None:
        """Remove a name; that of a specification retires the environment."""
        path = self.path_of(name)
        found = os.lstat(path)
        if stat.S_ISDIR(found.st_mode):
            refuse(errno.EISDIR, name)
        if not self.holds_specification(name) or not stat.S_ISREG(found.st_mode):
            self._remove(name, path)
            return
        async with self.submissions.locked(name):
            owner = read_owner(path, found)
            self._remove(name, path)
            await self.submissions.retire_soon(name, Author(caller.uid), owner.uid)

    def _remove(self, name: str, path: str) -> None:
        found = os.lstat(path)
        self.registry.going(path, found)
        Path(path).unlink()
        self.registry.removed(self, name, found)

    async def sync(self) -> None:
        """Fsync underneath."""
        fd = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            await trio.to_thread.run_sync(os.fsync, fd)
        finally:
            os.close(fd)

    async def remove_directory(self, name: str) -> None:
        """Remove an empty directory."""
        path = self.path_of(name)
        found = os.lstat(path)
        os.rmdir(path)  # noqa: PTH106 - likewise
        self.registry.removed(self, name, found)

    async def rename(
        self, name: str, to: Directory, new_name: str, caller: Caller, *, may_replace: bool = True
    ) -> None:
        """Move a name; a temporary one may say on whose behalf (`names.BEHALF`).

        Raises:
            UserError: What takes the name of a specification cannot be one. Nothing has moved.
        """
        if not isinstance(to, SpecDirectory):
            refuse(errno.EPERM, new_name)
        to.require_free(new_name, caller)
        node = self.listed(name)
        if node is None:
            refuse(errno.ENOENT, name)
        old = name if self.holds_specification(name) and isinstance(node, SpecFile) else None
        new = new_name if to.holds_specification(new_name) and isinstance(node, SpecFile) else None
        if isinstance(node, SpecLink):
            to.refuse_specification(new_name)
        author = Author(caller.uid, behalf_of(name) or behalf_of(new_name))
        async with self.submissions.locked(*filter(None, (old, new))):
            if new and not old and isinstance(node, SpecFile):
                self._require_own(node, new, caller)
                await self._require_valid(node, new, author)
            owner_uid = node.attributes().uid
            if self._move(name, to, new_name, may_replace=may_replace):
                await self._follow(node, old, new, author, owner_uid)

    def _move(self, name: str, to: "SpecDirectory", new_name: str, *, may_replace: bool) -> bool:
        """Rename underneath; False when both names lead to one file already, which rename(2) leaves as it is."""
        path, new_path = self.path_of(name), to.path_of(new_name)
        found = os.lstat(path)
        try:
            replaced = os.lstat(new_path)
        except FileNotFoundError:
            replaced = None
        if replaced is not None and not may_replace:
            refuse(errno.EEXIST, new_name)
        if replaced is not None and (replaced.st_dev, replaced.st_ino) == (found.st_dev, found.st_ino):
            return False
        if replaced is not None:
            self.registry.going(new_path, replaced)
        Path(path).rename(new_path)
        if replaced is not None:
            self.registry.removed(to, new_name, replaced)
        node = self.registry.find((found.st_dev, found.st_ino))
        if node is not None:
            node.places.discard((self, name))
            node.places.add((to, new_name))
        to._came_back(new_name)  # noqa: SLF001 - one of its own kind
        return True

    def _came_back(self, name: str) -> None:
        if self.holds_specification(name):
            self.submissions.removals.came_back(name)

    async def _follow(self, node: Node, old: str | None, new: str | None, author: Author, owner_uid: int) -> None:
        """What a finished rename means for the environments."""
        if old and new:
            await self.submissions.rename(old, new, author)
        elif old:
            await self.submissions.retire_soon(old, author, owner_uid)
        if new and not old and isinstance(node, SpecFile):
            node.put_into_place(new, author)

    def require_free(self, name: str, caller: Caller) -> None:
        """Refuse names that are computed, or kept for somebody else; there are none below the top."""

    def holds_specification(self, name: str) -> bool:
        """Whether a file of that name here is a specification."""
        return self.is_top and is_specification(name)

    def refuse_specification(self, name: str) -> None:
        """Refuse that name to what cannot be a specification."""
        if self.holds_specification(name):
            refuse(errno.EPERM, name)

    def _require_own(self, file: SpecFile, name: str, caller: Caller) -> None:
        """Refuse to have somebody else's file describe an environment, which would be hers."""
        if not self.rights.may_act_for(caller.uid, file.attributes().uid):
            refuse(errno.EPERM, name)

    async def _require_valid(self, file: SpecFile, name: str, author: Author | None = None) -> None:
        """Raise UserError when a file cannot take the name of a specification; nobody else would tell."""
        try:
            await file.check(name)
        except UserError as error:
            logger.info("%s: not put into place: %s", name, error)
            self.submissions.refused_soon(name, author or Author(file.attributes().uid))
            raise
