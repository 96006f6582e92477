"""The handlers: decode, ask the tree, encode. Every one is guarded.

Files, directories and open ones are numbered separately: inodes by what they are, handles as they come.
"""

from functools import partial

import pyfuse3

from condafs.filesystem.encode import decode_caller, decode_name
from condafs.filesystem.guard import guarded
from condafs.filesystem.node_operations import Context, Inode, NodeOperations, Nothing
from condafs.filesystem.once import open_found
from condafs.tree.node import MAX_NAME_BYTES, File, Handle, Opened


class Operations(NodeOperations):
    """The kernel's requests, answered from a tree: those about nodes, and here those about what is open.

    Args:
        tree, memory: As `NodeOperations`.
    """

    # Both off, by experiment: names `.` and `..` never come, and without write-back the kernel holds no dirty pages
    # that the daemon does not know of when a file is flushed.
    supports_dot_lookup = False
    enable_writeback_cache = False
    enable_acl = False

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

    def _opened(self, inode: int, flags: int, handle: Handle) -> pyfuse3.FileInfo:
        number = self.handles.open_file(handle)
        self._memory.note_opened(number, inode, Opened(flags, handle.content))
        self._memory.flush()
        # The page cache belongs to the inode: snapshots of different moments must not meet there.
        return pyfuse3.FileInfo(fh=number, direct_io=handle.is_snapshot, keep_cache=handle.is_immutable)
