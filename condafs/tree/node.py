"""What an adapter sees: nodes of four sorts, their attributes and open files.

Every node has a `key`: equal keys mean the same file, whatever object holds it; adapters number inodes by it. Nodes of
computed names are made anew at each look-up and hold no state; those of `.specs` are unique while anybody holds them.

What a directory or file cannot do is refused here with the errno that makes sense to people: EROFS where nothing can
be changed by anybody, EPERM where it could be but must not. Nodes raise OSError and CondafsError; the adapter
translates. Permission bits are not checked here: the kernel does that from `attributes` (`default_permissions`).
"""

import errno
import os
import stat
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar, NoReturn

MAX_NAME_BYTES = 255
"""NAME_MAX of Linux (linux/limits.h). FUSE itself lets longer names through."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks."""

    uid: int
    gid: int


@dataclass(frozen=True, slots=True)
class Attributes:
    """What stat(2) tells. `mode` includes the type of the file; times are in nanoseconds."""

    mode: int
    uid: int = 0
    gid: int = 0
    size_bytes: int = 0
    link_count: int = 1
    mtime_ns: int = 0
    atime_ns: int = 0
    ctime_ns: int = 0
    disk_bytes: int = 0


@dataclass(frozen=True, slots=True)
class Changes:
    """What chmod, chown, truncate and utimes ask for; None leaves a field as it is. `caller`: who asks, when known."""

    permissions: int | None = None
    uid: int | None = None
    gid: int | None = None
    size_bytes: int | None = None
    mtime_ns: int | None = None
    atime_ns: int | None = None
    caller: Caller | None = None


@dataclass(frozen=True, slots=True)
class Lifetimes:
    """How long an adapter may remember, in seconds: that a name leads to this node, and the node's attributes."""

    name_seconds: float = 0
    attributes_seconds: float = 0


@dataclass(frozen=True, slots=True)
class Opened:
    """What there is to know of an open file, for who is to open it again in another process.

    Attributes:
        flags: Those of the system call.
        content: What it shows, where that is the moment of opening.
        has_written: Whether something was written through it.
    """

    flags: int = 0
    content: bytes | None = None
    has_written: bool = False


def refuse(number: int, subject: str = "") -> NoReturn:
    """Raise the OSError of that errno."""
    raise OSError(number, os.strerror(number), subject or None)


class Node:
    """Anything that has a name."""

    __slots__ = ()
    lifetimes: ClassVar[Lifetimes] = Lifetimes()

    @property
    def key(self) -> bytes:
        """Identity: a tag for the sort, then what tells it from others of that sort."""
        raise NotImplementedError

    def attributes(self) -> Attributes:
        """What stat tells now; FileNotFoundError when it is gone."""
        raise NotImplementedError

    def listed_attributes(self) -> Attributes | None:
        """Attributes that are cheap enough for a listing of thousands, right in type only; None: use `attributes`."""
        return None

    async def change(self, changes: Changes, handle: "Handle | None" = None) -> None:
        """Carry out chmod, chown, truncate, utimes. `handle` is the open file when it was asked through one."""
        del changes, handle
        refuse(errno.EROFS)


class Link(Node):
    """A symbolic link."""

    __slots__ = ()

    async def target(self) -> str:
        """Where it leads now; FileNotFoundError when nowhere."""
        raise NotImplementedError


class Handle:
    """An open file. The base is one that can only be read."""

    __slots__ = ()
    is_snapshot = False
    """Whether the content is that of the moment of opening, so that no cache may be shared with other handles."""
    is_immutable = False
    """Whether the file never has another content, so that what was read once may be kept for ever."""

    @property
    def content(self) -> bytes | None:
        """All of it, where it is that of the moment of opening and at hand."""
        return None

    async def read(self, offset: int, size: int) -> bytes | memoryview:
        """Up to `size` bytes at `offset`; fewer only at the end."""
        raise NotImplementedError

    async def write(self, offset: int, content: bytes) -> int:
        """Write at `offset`; the number of bytes written."""
        del offset, content
        refuse(errno.EBADF)

    async def flush(self) -> None:
        """A descriptor was closed; others of this handle may be open still. The last chance to refuse the content."""

    async def sync(self) -> None:
        """Everything written is on disk when this returns."""

    def go_on(self) -> None:
        """What was opened again is used: until then nobody may have it open."""

    async def release(self) -> None:
        """The last descriptor was closed. Nobody sees an error from here."""


class File(Node):
    """A regular file. The base refuses to be written."""

    __slots__ = ()

    async def open(self, flags: int) -> Handle:
        """Open it; the flags are those of the system call."""
        if flags & os.O_ACCMODE != os.O_RDONLY or flags & os.O_TRUNC:
            refuse(errno.EROFS)
        return await self.open_to_read()

    async def open_to_read(self) -> Handle:
        """Open it for reading."""
        raise NotImplementedError

    async def reopen(self, opened: Opened) -> Handle:
        """Open what another process may have had open when it was killed.

        No content is changed before `go_on`; what is read, as the build of an export, is kept from now on.
        """
        return await self.open(opened.flags & ~(os.O_TRUNC | os.O_CREAT | os.O_EXCL))


class Directory(Node):
    """A directory. The base cannot be changed."""

    __slots__ = ()

    async def child(self, name: str) -> Node | None:
        """The node of that name. None when there is none, or its `attributes` raise FileNotFoundError."""
        raise NotImplementedError

    async def names(self) -> Sequence[str]:
        """What a listing shows, without `.` and `..`."""
        raise NotImplementedError

    def listed(self, name: str) -> Node | None:
        """The node of a name that `names` gave; None when it is gone by now."""
        raise NotImplementedError

    def meaning(self, name: str) -> str:
        """What a name means, where to make or remove it twice would not fail but do something else.

        It is another text once a change is made, and stays the same whatever happens by itself.
        """
        del name
        return ""

    async def sync(self) -> None:
        """Every name made or removed so far is on disk when this returns."""

    async def make_file(self, name: str, permissions: int, caller: Caller) -> File:
        """A new empty file that is not opened."""
        del permissions, caller
        refuse(errno.EROFS, name)

    async def create(self, name: str, permissions: int, flags: int, caller: Caller) -> tuple[File, Handle]:
        """A new empty file, opened."""
        del permissions, flags, caller
        refuse(errno.EROFS, name)

    async def make_directory(self, name: str, permissions: int, caller: Caller) -> "Directory":
        """A new empty directory."""
        del permissions, caller
        refuse(errno.EROFS, name)

    async def make_symlink(self, name: str, target: str, caller: Caller) -> Link:
        """A new symbolic link."""
        del target, caller
        refuse(errno.EROFS, name)

    async def make_link(self, file: Node, name: str, caller: Caller) -> None:
        """One more name for `file`."""
        del file, caller
        refuse(errno.EROFS, name)

    async def unlink(self, name: str, caller: Caller) -> None:
        """Remove what is not a directory."""
        del caller
        refuse(errno.EROFS, name)

    async def remove_directory(self, name: str) -> None:
        """Remove an empty directory."""
        refuse(errno.EROFS, name)

    async def rename(
        self, name: str, to: "Directory", new_name: str, caller: Caller, *, may_replace: bool = True
    ) -> None:
        """Move `name` to `new_name` in `to`, in place of what stands there when `may_replace`."""
        del to, new_name, caller, may_replace
        refuse(errno.EROFS, name)


@dataclass(frozen=True, slots=True)
class Ownership:
    """Owner and permission bits of a computed directory."""

    uid: int = field(default_factory=os.geteuid)
    gid: int = field(default_factory=os.getegid)
    permissions: int = 0o755
    made_ns: int = field(default_factory=time.time_ns)

    def directory(self, mtime_ns: int | None = None) -> Attributes:
        """Attributes of a directory of that owner.

        The link count is 1, as of all directories that do not count their subdirectories: find(1) understands.
        """
        when = self.made_ns if mtime_ns is None else mtime_ns
        mode = stat.S_IFDIR | self.permissions
        return Attributes(mode, self.uid, self.gid, mtime_ns=when, ctime_ns=when, atime_ns=when)
