"""What the kernel is told to forget."""

from condafs.filesystem.inodes import Inodes
from condafs.filesystem.kernel_cache import KernelCache
from condafs.filesystem.memory import Memory
from condafs.tree.node import Directory, Link


class Root(Directory):
    """Where the links are."""

    @property
    def key(self) -> bytes:
        return b"root"


class Named(Link):
    """A link."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    @property
    def key(self) -> bytes:
        return self._key


class Kernel:
    """Remembers whatever it was told of, and may be out of reach."""

    def __init__(self) -> None:
        self.is_reachable = True
        self.forgotten: list[int] = []

    def invalidate_inode(self, inode: int, /) -> None:
        if not self.is_reachable:
            raise ConnectionResetError
        self.forgotten.append(inode)

    def invalidate_entry(self, directory: int, name: bytes, /) -> None:
        """Of no interest here."""


def test_a_link_that_could_not_be_told_is_told_with_the_next() -> None:
    root, kernel = Root(), Kernel()
    inodes = Inodes(root, Memory())
    cache = KernelCache(inodes, kernel)
    first, second = Named(b"first"), Named(b"second")
    kernel.is_reachable = False
    cache.forget(root, "first", first)
    kernel.is_reachable = True
    cache.forget(root, "second", second)
    cache.forget(root, "second", second)
    cache.close()
    assert kernel.forgotten == [inodes.peek(second), inodes.peek(first), inodes.peek(second)]
