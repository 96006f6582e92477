"""The handlers of nodes and names: find, stat and change, make, move and remove them."""

import errno
import stat
from collections.abc import Sequence
from functools import partial
from typing import TypeVar

import pyfuse3

from condafs.filesystem.encode import (
    decode_caller,
    decode_changes,
    decode_name,
    decode_path,
    encode_attributes,
    encode_name,
)
from condafs.filesystem.extended_attributes import WithoutExtendedAttributes
from condafs.filesystem.guard import guarded
from condafs.filesystem.handles import Handles
from condafs.filesystem.inodes import Inodes
from condafs.filesystem.memory import Memory
from condafs.filesystem.once import Once, found, nothing
from condafs.tree.node import Directory, File, Link, Node
from condafs.tree.tree import Tree

SortT = TypeVar("SortT", bound=Node)
Inode = pyfuse3.InodeT
Context = pyfuse3.RequestContext
Nothing = type(None)


class NodeOperations(WithoutExtendedAttributes):
    """Requests that name an inode, or a name in a directory; `Operations` adds those about what is open.

    Args:
        tree: What there is.
        memory: Told what the kernel is told, before it is.
    """

    def __init__(self, tree: Tree, memory: Memory) -> None:
        super().__init__()
        self._tree = tree
        self._memory = memory
        self._once = Once(memory)
        self.inodes = Inodes(tree.root, memory)
        self.handles = Handles(self.inodes)

    @guarded(pyfuse3.EntryAttributes)
    async def lookup(self, parent_inode: Inode, name: bytes, ctx: Context) -> pyfuse3.EntryAttributes:
        """Find a name. A missing one is not remembered by the kernel: it may appear any time."""
        del ctx
        self._memory.settle()
        node = await self._directory(parent_inode).child(decode_name(name))
        if node is None:
            raise pyfuse3.FUSEError(errno.ENOENT)
        return self._entry(node)

    async def forget(self, inode_list: Sequence[tuple[Inode, int]]) -> None:
        """The kernel dropped references."""
        self.inodes.forget(inode_list)

    @guarded(pyfuse3.EntryAttributes)
    async def getattr(self, inode: Inode, ctx: Context) -> pyfuse3.EntryAttributes:
        """Stat."""
        del ctx
        node = self._node(inode, Node)
        return encode_attributes(inode, node.attributes(), node.lifetimes)

    @guarded(pyfuse3.EntryAttributes)
    async def setattr(
        self,
        inode: Inode,
        attr: pyfuse3.EntryAttributes,
        fields: pyfuse3.SetattrFields,
        fh: int | None,
        ctx: Context,
    ) -> pyfuse3.EntryAttributes:
        """Chmod, chown, truncate, utimes."""
        node = self._node(inode, Node)
        handle = None if fh is None else await self.handles.file(fh)
        if fh is not None and fields.update_size:
            self._memory.note_written(fh)
        await node.change(decode_changes(attr, fields, ctx), handle)
        return encode_attributes(inode, node.attributes(), node.lifetimes)

    @guarded(bytes)
    async def readlink(self, inode: Inode, ctx: Context) -> bytes:
        """Where a link leads now."""
        del ctx
        return encode_name(await self._node(inode, Link).target())

    @guarded(pyfuse3.EntryAttributes)
    async def mknod(
        self, parent_inode: Inode, name: bytes, mode: int, rdev: int, ctx: Context
    ) -> pyfuse3.EntryAttributes:
        """A regular file; devices, pipes and sockets have no business here."""
        del rdev
        if not stat.S_ISREG(mode):
            raise pyfuse3.FUSEError(errno.EPERM)
        directory, text = self._directory(parent_inode), decode_name(name)
        making = partial(directory.make_file, text, mode & 0o7777, decode_caller(ctx))
        answer = partial(found, directory, text, File)
        return self._entry(await self._once.make(making, answer, "mknod", parent_inode, name))

    @guarded(pyfuse3.EntryAttributes)
    async def mkdir(self, parent_inode: Inode, name: bytes, mode: int, ctx: Context) -> pyfuse3.EntryAttributes:
        """A directory."""
        directory, text = self._directory(parent_inode), decode_name(name)
        making = partial(directory.make_directory, text, mode & 0o7777, decode_caller(ctx))
        answer = partial(found, directory, text, Directory)
        return self._entry(await self._once.make(making, answer, "mkdir", parent_inode, name))

    @guarded(pyfuse3.EntryAttributes)
    async def symlink(self, parent_inode: Inode, name: bytes, target: bytes, ctx: Context) -> pyfuse3.EntryAttributes:
        """A symbolic link; in the root, half a roll-back."""
        directory, text = self._directory(parent_inode), decode_name(name)
        making = partial(directory.make_symlink, text, decode_path(target), decode_caller(ctx))
        answer = partial(found, directory, text, Link)
        request = "symlink", parent_inode, name, target
        return self._entry(await self._once.make(making, answer, *request, meaning=directory.meaning(text)))

    @guarded(pyfuse3.EntryAttributes, specification_errno=errno.EBADMSG)
    async def link(
        self, inode: Inode, new_parent_inode: Inode, new_name: bytes, ctx: Context
    ) -> pyfuse3.EntryAttributes:
        """One more name."""
        node = self._node(inode, Node)
        directory = self._directory(new_parent_inode)
        making = partial(directory.make_link, node, decode_name(new_name), decode_caller(ctx))
        await self._once.make(making, nothing, "link", new_parent_inode, new_name)
        return self._entry(node)

    @guarded(Nothing)
    async def unlink(self, parent_inode: Inode, name: bytes, ctx: Context) -> None:
        """Remove a name."""
        directory, text = self._directory(parent_inode), decode_name(name)
        removing = partial(directory.unlink, text, decode_caller(ctx))
        await self._once.make(removing, nothing, "unlink", parent_inode, name, meaning=directory.meaning(text))

    @guarded(Nothing)
    async def rmdir(self, parent_inode: Inode, name: bytes, ctx: Context) -> None:
        """Remove a directory."""
        del ctx
        removing = partial(self._directory(parent_inode).remove_directory, decode_name(name))
        await self._once.make(removing, nothing, "rmdir", parent_inode, name)

    # EBADMSG: with EINVAL, mv says "cannot move to a subdirectory of itself"; with EXDEV it copies.
    @guarded(Nothing, specification_errno=errno.EBADMSG)
    async def rename(  # noqa: PLR0913, PLR0917 - the protocol's
        self,
        parent_inode_old: Inode,
        name_old: bytes,
        parent_inode_new: Inode,
        name_new: bytes,
        flags: int,
        ctx: Context,
    ) -> None:
        """Move a name."""
        if flags & ~pyfuse3.RENAME_NOREPLACE:
            raise pyfuse3.FUSEError(errno.EINVAL)  # rename(2): a flag that the filesystem does not support
        old, new = self._directory(parent_inode_old), self._directory(parent_inode_new)
        names = decode_name(name_old), decode_name(name_new)
        moving = partial(old.rename, names[0], new, names[1], decode_caller(ctx), may_replace=not flags)
        await self._once.make(moving, nothing, "rename", parent_inode_old, name_old, parent_inode_new, name_new)

    # What the handlers share

    def _node(self, inode: Inode, sort: type[SortT]) -> SortT:
        node = self.inodes.find(inode)
        if node is None:
            raise pyfuse3.FUSEError(errno.ESTALE)
        if not isinstance(node, sort):
            raise pyfuse3.FUSEError(errno.EINVAL)
        return node

    def _directory(self, inode: Inode) -> Directory:
        return self._node(inode, Directory)

    def _entry(self, node: Node) -> pyfuse3.EntryAttributes:
        """Attributes of a node that the kernel knows from now on."""
        entry = encode_attributes(self.inodes.peek(node), node.attributes(), node.lifetimes)
        self.inodes.remember(node, entry.st_ino)
        self._memory.flush()
        return entry
