"""No extended attributes: taking them without keeping them would make cp -p, cp -a and mv leave files of mode 0600.

ENOSYS makes the kernel answer ENOTSUP by itself from then on, for the whole mount (fs/fuse/xattr.c).
"""

import errno
from collections.abc import Sequence

import pyfuse3

Inode = pyfuse3.InodeT
Context = pyfuse3.RequestContext


class WithoutExtendedAttributes(pyfuse3.Operations):
    """Handlers that refuse them."""

    async def setxattr(self, inode: Inode, name: bytes, value: bytes, ctx: Context) -> None:
        """Not supported."""
        del inode, name, value, ctx
        raise pyfuse3.FUSEError(errno.ENOSYS)

    async def getxattr(self, inode: Inode, name: bytes, ctx: Context) -> bytes:
        """Not supported."""
        del inode, name, ctx
        raise pyfuse3.FUSEError(errno.ENOSYS)

    async def listxattr(self, inode: Inode, ctx: Context) -> Sequence[bytes]:
        """Not supported."""
        del inode, ctx
        raise pyfuse3.FUSEError(errno.ENOSYS)

    async def removexattr(self, inode: Inode, name: bytes, ctx: Context) -> None:
        """Not supported."""
        del inode, name, ctx
        raise pyfuse3.FUSEError(errno.ENOSYS)
