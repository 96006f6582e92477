"""Nodes of `.specs`, unique by the inode underneath, and the names that lead to them.

A file may be renamed, linked or removed while it is open, and the kernel goes on using the inode it knows. So a node
knows its places (directory and name) instead of a path, every change of a name goes through here, and a node whose
last name is gone lives on through its open handles. Only the daemon touches the files underneath while it is mounted.

All methods are short system calls on a local disk and run on the event loop, which also keeps them atomic.
"""

import errno
import os
import stat
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, TypeAlias
from weakref import WeakValueDictionary

from condafs.names import is_spec_file
from condafs.tree.node import Attributes, Changes, Handle, Lifetimes, Link, Node, refuse
from condafs.tree.rights import Rights
from condafs.tree.specs.owner import Owner, Place, read_link, read_owner, write_owner

if TYPE_CHECKING:
    from condafs.tree.specs.directory import SpecDirectory

Identity: TypeAlias = "tuple[int, int]"
"""st_dev and st_ino underneath."""


def is_specification(name: str) -> bool:
    """Whether a file of that name, at the top of `.specs`, is a specification. Odd characters make it none."""
    return is_spec_file(name) and name.isprintable()


def is_blank(content: bytes) -> bool:
    """Whether a file is only being made: empty, blank, or room for what is to be written through a mapping."""
    return not content.strip(b"\0 \t\r\n\f\v")


def key_of(identity: Identity) -> bytes:
    """Key of the node of a file that has a name, underneath."""
    device, inode = identity
    return f"specs:{device}:{inode}".encode()


class Backed(Node):
    """What all nodes of `.specs` share.

    Args:
        identity: Of the file underneath.
        rights: Of this mount.
    """

    __slots__ = ("__weakref__", "identity", "is_detached", "kept", "places", "rights")
    # All changes come through the kernel that remembers; a second covers what a restart or an administrator did.
    lifetimes = Lifetimes(name_seconds=1, attributes_seconds=1)

    def __init__(self, identity: Identity, rights: Rights) -> None:
        self.identity = identity
        self.rights = rights
        self.places: set[tuple[SpecDirectory, str]] = set()
        self.is_detached = False
        self.kept = ""

    @property
    def key(self) -> bytes:
        """The inode underneath; once detached, that number may be given to another file."""
        return key_of(self.identity) + (f":{id(self)}".encode() if self.is_detached else b"")

    def descriptor(self) -> int | None:
        """Descriptor of some open handle."""
        return None

    def place(self) -> Place:
        """Where the file underneath can be reached.

        Raises:
            OSError: ESTALE when no name is left and nobody has it open. A name that somebody renamed over a moment ago
                leads elsewhere: upon this the kernel looks it up anew (do_filp_open in fs/namei.c, LOOKUP_REVAL),
                and open(O_CREAT) finds, or makes, what is there now.
        """
        for directory, name in tuple(self.places):
            path = directory.path_of(name)
            try:
                found = os.lstat(path)
            except FileNotFoundError:
                found = None
            if found is not None and (found.st_dev, found.st_ino) == self.identity:
                return path
            self.places.discard((directory, name))
        descriptor = self.descriptor()
        if descriptor is not None:
            return descriptor
        return self.kept or refuse(errno.ESTALE)

    def spec_names(self) -> Iterator[str]:
        """Names at the top of `.specs` under which it is a specification."""
        return (name for directory, name in self.places if directory.is_top and is_specification(name))

    def stat(self) -> tuple[Place, os.stat_result]:
        """Place and stat underneath."""
        place = self.place()
        return place, os.stat(place, follow_symlinks=isinstance(place, int))  # noqa: PTH116 - or a descriptor

    def attributes(self) -> Attributes:
        """Underneath, with the owner that is kept beside it."""
        place, found = self.stat()
        return attributes_of(found, read_owner(place, found))

    async def change(self, changes: Changes, handle: Handle | None = None) -> None:
        """Owner, mode and times; files add the size."""
        del handle
        place, found = self.stat()
        owner = read_owner(place, found)
        changed = Owner(
            owner.uid if changes.uid is None else changes.uid,
            owner.gid if changes.gid is None else changes.gid,
            owner.permissions if changes.permissions is None else changes.permissions,
        )
        if changed != owner:
            write_owner(place, self.rights.kept(changed, is_directory=stat.S_ISDIR(found.st_mode)))
        if changes.mtime_ns is not None or changes.atime_ns is not None:
            times = (
                found.st_atime_ns if changes.atime_ns is None else changes.atime_ns,
                found.st_mtime_ns if changes.mtime_ns is None else changes.mtime_ns,
            )
            os.utime(place, ns=times, follow_symlinks=isinstance(place, int))


def attributes_of(found: os.stat_result, owner: Owner) -> Attributes:
    """What people see of a file underneath."""
    return Attributes(
        mode=stat.S_IFMT(found.st_mode) | owner.permissions,
        uid=owner.uid,
        gid=owner.gid,
        size_bytes=found.st_size,
        link_count=found.st_nlink,
        mtime_ns=found.st_mtime_ns,
        atime_ns=found.st_atime_ns,
        ctime_ns=found.st_ctime_ns,
        disk_bytes=found.st_blocks * 512,
    )


class SpecLink(Backed, Link):
    """A symbolic link in `.specs`; never a specification, for it could lead to what its maker may not read."""

    __slots__ = ()

    def attributes(self) -> Attributes:
        """A link's, whatever it is underneath."""
        found = super().attributes()
        return replace(found, mode=stat.S_IFLNK | 0o777)

    async def target(self) -> str:
        """As it was made."""
        place = self.place()
        # A descriptor is never held for a link.
        return read_link(place) if isinstance(place, str) else refuse(errno.ESTALE)


class Registry:
    """All nodes of `.specs` that somebody holds.

    Args:
        path: The directory underneath.
    """

    def __init__(self, path: Path) -> None:
        self.path = str(path)
        self._keeping: Path | None = None
        self._nodes: WeakValueDictionary[Identity, Backed] = WeakValueDictionary()

    def find(self, identity: Identity) -> Backed | None:
        """The node of an inode underneath, when there is one."""
        return self._nodes.get(identity)

    def add(self, node: Backed) -> None:
        """Remember a new node."""
        self._nodes[node.identity] = node

    def keep_in(self, directory: Path) -> None:
        """From now on keep files that lose their last name while they are open, so that another process finds them."""
        directory.mkdir(mode=0o700, exist_ok=True)
        self._keeping = directory

    def kept_files(self) -> Iterator[tuple[str, os.stat_result]]:
        """Paths of those that are kept, and their stat."""
        if self._keeping:
            for entry in sorted(self._keeping.iterdir()):
                yield str(entry), entry.lstat()

    def going(self, path: str, found: os.stat_result) -> None:
        """A name is about to go. `path`: its whole; `found`: its stat."""
        node = self.find((found.st_dev, found.st_ino))
        if self._keeping and node and node.descriptor() is not None and found.st_nlink == 1:
            node.kept = f"{self._keeping}/{found.st_ino}"
            Path(node.kept).unlink(missing_ok=True)
            os.link(path, node.kept, follow_symlinks=False)

    def removed(self, directory: "SpecDirectory", name: str, found: os.stat_result) -> None:
        """A name is gone. `found`: stat of what it led to, taken just before."""
        node = self.find((found.st_dev, found.st_ino))
        if node is None:
            return
        node.places.discard((directory, name))
        if found.st_nlink == 1 or stat.S_ISDIR(found.st_mode):
            # Nothing leads there any more, and the number underneath is free for another file.
            del self._nodes[node.identity]
            node.is_detached = True
