"""The handlers: decode, ask the tree, encode. Every one is guarded.

Files, directories and open ones are numbered separately: inodes by what they are, handles as they come.
"""

import errno
import itertools
import logging
import stat
from collections.abc import Sequence
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
from condafs.filesystem.inodes import Inodes
from condafs.filesystem.listing import Listing
from condafs.tree.node import MAX_NAME_BYTES, Directory, File, Handle, Link, Node
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
    """

    # Both off, by experiment: names `.` and `..` never come, and without write-back the kernel holds no dirty pages
    # that the daemon does not know of when a file is flushed.
    supports_dot_lookup = False
    enable_writeback_cache = False
    enable_acl = False

    def __init__(self, tree: Tree) -> None:
        super().__init__()
        self._tree = tree
        self.inodes = Inodes(tree.root)
        self._handles: dict[int, Handle] = {}
        self._listings: dict[int, Listing] = {}
        self._numbers = itertools.count(1)

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
        await node.change(decode_changes(attr, fields, ctx), None if fh is None else self._handles.get(fh))
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
        directory = self._directory(parent_inode)
        return self._entry(await directory.make_file(decode_name(name), mode & 0o7777, decode_caller(ctx)))

    @guarded(pyfuse3.EntryAttributes)
    async def mkdir(self, parent_inode: Inode, name: bytes, mode: int, ctx: Context) -> pyfuse3.EntryAttributes:
        """A directory."""
        directory = self._directory(parent_inode)
        return self._entry(await directory.make_directory(decode_name(name), mode & 0o7777, decode_caller(ctx)))

    @guarded(pyfuse3.EntryAttributes)
    async def symlink(self, parent_inode: Inode, name: bytes, target: bytes, ctx: Context) -> pyfuse3.EntryAttributes:
        """A symbolic link; in the root, half a roll-back."""
        directory = self._directory(parent_inode)
        return self._entry(await directory.make_symlink(decode_name(name), decode_path(target), decode_caller(ctx)))

    @guarded(pyfuse3.EntryAttributes, specification_errno=errno.EBADMSG)
    async def link(
        self, inode: Inode, new_parent_inode: Inode, new_name: bytes, ctx: Context
    ) -> pyfuse3.EntryAttributes:
        """One more name."""
        del ctx
        node = self._node(inode, Node)
        await self._directory(new_parent_inode).make_link(node, decode_name(new_name))
        return self._entry(node)

    @guarded(Nothing)
    async def unlink(self, parent_inode: Inode, name: bytes, ctx: Context) -> None:
        """Remove a name."""
        await self._directory(parent_inode).unlink(decode_name(name), decode_caller(ctx))

    @guarded(Nothing)
    async def rmdir(self, parent_inode: Inode, name: bytes, ctx: Context) -> None:
        """Remove a directory."""
        del ctx
        await self._directory(parent_inode).remove_directory(decode_name(name))

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
        await old.rename(names[0], new, names[1], decode_caller(ctx), may_replace=not flags)

    # Files

    @guarded(pyfuse3.FileInfo)
    async def open(self, inode: Inode, flags: int, ctx: Context) -> pyfuse3.FileInfo:
        """Open a file."""
        del ctx
        return self._opened(await self._node(inode, File).open(flags))

    @guarded(tuple)
    async def create(
        self, parent_inode: Inode, name: bytes, mode: int, flags: int, ctx: Context
    ) -> tuple[pyfuse3.FileInfo, pyfuse3.EntryAttributes]:
        """Make a file and open it."""
        directory = self._directory(parent_inode)
        file, handle = await directory.create(decode_name(name), mode & 0o7777, flags, decode_caller(ctx))
        return self._opened(handle), self._entry(file)

    # pyfuse3's signature says bytes; its code takes any buffer (handlers.pxi, fuse_read_async).
    @guarded((bytes, memoryview))
    async def read(self, fh: int, off: int, size: int) -> bytes | memoryview:  # type: ignore[override]
        """Read."""
        return await self._handles[fh].read(off, size)

    @guarded(int)
    async def write(self, fh: int, off: int, buf: bytes) -> int:
        """Write."""
        return await self._handles[fh].write(off, buf)

    @guarded(Nothing)
    async def flush(self, fh: int) -> None:
        """A descriptor is being closed: its owner hears of an error."""
        await self._handles[fh].flush()

    @guarded(Nothing)
    async def fsync(self, fh: int, datasync: bool) -> None:  # noqa: FBT001 - the protocol's
        """Make it durable."""
        del datasync
        await self._handles[fh].sync()

    @guarded(Nothing)
    async def release(self, fh: int) -> None:
        """The last descriptor is closed: nobody hears."""
        await self._handles.pop(fh).release()

    # Directories

    @guarded(int)
    async def opendir(self, inode: Inode, ctx: Context) -> int:
        """Open a directory."""
        del ctx
        number = next(self._numbers)
        self._listings[number] = Listing(self._directory(inode), self.inodes)
        return number

    @guarded(Nothing)
    async def readdir(self, fh: int, start_id: int, token: pyfuse3.ReaddirToken) -> None:
        """List names from a position on. Position 0 reads them anew, as rewinddir(3) wants."""
        await self._listings[fh].reply(start_id, token)

    @guarded(Nothing)
    async def releasedir(self, fh: int) -> None:
        """Close a directory."""
        del self._listings[fh]

    @guarded(Nothing)
    async def fsyncdir(self, fh: int, datasync: bool) -> None:  # noqa: FBT001 - the protocol's
        """Make the names in a directory durable."""
        del datasync
        await self._listings[fh].directory.sync()

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
        return entry

    def _opened(self, handle: Handle) -> pyfuse3.FileInfo:
        number = next(self._numbers)
        self._handles[number] = handle
        # The page cache belongs to the inode: snapshots of different moments must not meet there.
        return pyfuse3.FileInfo(fh=number, direct_io=handle.is_snapshot, keep_cache=handle.is_immutable)
