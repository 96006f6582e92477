"""The handlers: decode, ask the tree, encode. Every one is guarded.

Files, directories and open ones are numbered separately: inodes by what they are, handles as they come.
"""

import errno
import logging
import os
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
from condafs.filesystem.once import Once, found, nothing, open_found
from condafs.tree.node import MAX_NAME_BYTES, Directory, File, Handle, Link, Node, Opened
from condafs.tree.tree import Tree

logger = logging.getLogger(__name__)

SortT = TypeVar("SortT", bound=Node)
Inode = pyfuse3.InodeT
Context = pyfuse3.RequestContext
Nothing = type(None)


class Operations(WithoutExtendedAttributes):
    """The kernel's requests, answered from a tree.

    Args:
        tree: What there is.
        memory: Told what the kernel is told, before it is.
    """

    # Both off, by experiment: names `.` and `..` never come, and without write-back the kernel holds no dirty pages
    # that the daemon does not know of when a file is flushed.
    supports_dot_lookup = False
    enable_writeback_cache = False
    enable_acl = False

    def __init__(self, tree: Tree, memory: Memory) -> None:
        super().__init__()
        self._tree = tree
        self._memory = memory
        self._once = Once(memory)
        self.inodes = Inodes(tree.root, memory)
        self.handles = Handles(self.inodes)

    # Names

    @guarded(pyfuse3.EntryAttributes)
    async def lookup(self, parent_inode: Inode, name: bytes, ctx: Context) -> pyfuse3.EntryAttributes:
        """Find a name. A missing one is not remembered by the kernel: it may appear any time."""
        del ctx
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
        return self._entry(await self._once.make(making, answer, "symlink", parent_inode, name, target))

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
        removing = partial(self._directory(parent_inode).unlink, decode_name(name), decode_caller(ctx))
        await self._once.make(removing, nothing, "unlink", parent_inode, name)

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

    # Files

    @guarded(pyfuse3.FileInfo)
    async def open(self, inode: Inode, flags: int, ctx: Context) -> pyfuse3.FileInfo:
        """Open a file."""
        del ctx
        return self._opened(inode, flags, await self._node(inode, File).open(flags))

    @guarded(tuple)
    async def create(
        self, parent_inode: Inode, name: bytes, mode: int, flags: int, ctx: Context
    ) -> tuple[pyfuse3.FileInfo, pyfuse3.EntryAttributes]:
        """Make a file and open it."""
        directory, text = self._directory(parent_inode), decode_name(name)
        making = partial(directory.create, text, mode & 0o7777, flags, decode_caller(ctx))
        opening = partial(open_found, directory, text, flags)
        file, handle = await self._once.make(making, opening, "create", parent_inode, name)
        entry = self._entry(file)
        return self._opened(entry.st_ino, flags, handle), entry

    # pyfuse3's signature says bytes; its code takes any buffer (handlers.pxi, fuse_read_async).
    @guarded((bytes, memoryview))
    async def read(self, fh: int, off: int, size: int) -> bytes | memoryview:  # type: ignore[override]
        """Read."""
        return await (await self.handles.file(fh)).read(off, size)

    @guarded(int)
    async def write(self, fh: int, off: int, buf: bytes) -> int:
        """Write."""
        handle = await self.handles.file(fh)
        self._memory.note_written(fh)
        return await handle.write(off, buf)

    @guarded(Nothing)
    async def flush(self, fh: int) -> None:
        """A descriptor is being closed: its owner hears of an error."""
        await (await self.handles.file(fh)).flush()

    @guarded(Nothing)
    async def fsync(self, fh: int, datasync: bool) -> None:  # noqa: FBT001 - the protocol's
        """Make it durable."""
        del datasync
        await (await self.handles.file(fh)).sync()

    @guarded(Nothing)
    async def release(self, fh: int) -> None:
        """The last descriptor is closed: nobody hears."""
        await self.handles.close_file(fh)
        self._memory.note_closed(fh)
        self._memory.flush()

    # Directories

    @guarded(int)
    async def opendir(self, inode: Inode, ctx: Context) -> int:
        """Open a directory."""
        del ctx
        number = self.handles.open_listing(self._directory(inode))
        self._memory.note_listing(number, inode)
        self._memory.flush()
        return number

    @guarded(Nothing)
    async def readdir(self, fh: int, start_id: int, token: pyfuse3.ReaddirToken) -> None:
        """List names from a position on. Position 0 reads them anew, as rewinddir(3) wants."""
        await self.handles.listing(fh).reply(start_id, token)

    @guarded(Nothing)
    async def releasedir(self, fh: int) -> None:
        """Close a directory."""
        self.handles.close_listing(fh)
        self._memory.note_closed(fh)

    @guarded(Nothing)
    async def fsyncdir(self, fh: int, datasync: bool) -> None:  # noqa: FBT001 - the protocol's
        """Make the names in a directory durable."""
        del datasync
        await self.handles.listing(fh).directory.sync()

    # The rest

    @guarded(pyfuse3.StatvfsData)
    async def statfs(self, ctx: Context) -> pyfuse3.StatvfsData:
        """The disk that the state directory is on."""
        del ctx
        found = self._tree.statistics()
        data = pyfuse3.StatvfsData()
        data.f_bsize, data.f_frsize, data.f_namemax = found.f_bsize, found.f_frsize, MAX_NAME_BYTES
        data.f_blocks, data.f_bfree, data.f_bavail = found.f_blocks, found.f_bfree, found.f_bavail
        data.f_files, data.f_ffree, data.f_favail = found.f_files, found.f_ffree, found.f_favail
        return data

    @guarded(bool)
    async def access(self, inode: Inode, mode: int, ctx: Context) -> bool:
        """Never asked: the kernel decides by the attributes (default_permissions)."""
        del inode, mode, ctx
        return True

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

    def _opened(self, inode: int, flags: int, handle: Handle) -> pyfuse3.FileInfo:
        number = self.handles.open_file(handle)
        self._memory.note_opened(number, inode, Opened(flags, handle.content))
        if flags & os.O_TRUNC:
            self._memory.note_written(number)
        self._memory.flush()
        # The page cache belongs to the inode: snapshots of different moments must not meet there.
        return pyfuse3.FileInfo(fh=number, direct_io=handle.is_snapshot, keep_cache=handle.is_immutable)
