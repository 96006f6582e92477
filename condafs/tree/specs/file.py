"""Regular files of `.specs`: what was written, and whether it can stand.

A file is checked when a handle that wrote is flushed, because that is the last moment at which its writer hears of
an error; it is submitted after the last writing handle is released, because only then is it whole. `version` rises
with every change of content: what was checked or submitted at some version is not checked or submitted again.
"""

import errno
import os
from pathlib import Path
from typing import TYPE_CHECKING

import trio

from condafs.catalog.events import Author
from condafs.tree.node import Changes, File, Handle, Opened
from condafs.tree.rights import Rights
from condafs.tree.specs.backing import Backed, Identity, is_blank
from condafs.tree.specs.owner import Place, read_owner

if TYPE_CHECKING:
    from condafs.tree.specs.submissions import Submissions

INLINE_BYTES = 128 << 10
"""Reads and writes up to this size stay on the event loop: a local page cache answers in less than a thread costs."""

MAX_CHECKED_BYTES = (1 << 20) + 1
"""One byte more than a specification may have, so that what is longer shows as longer."""

_NEVER = -1
"""The version that was submitted last, when what is there must be handed on whether it changes or not."""


class SpecFile(Backed, File):
    """A regular file.

    Args:
        identity: Of the file underneath.
        rights: Of this mount.
        submissions: Checks and takes what was written.
    """

    __slots__ = (
        "_author",
        "_checked",
        "_handles",
        "_is_touched",
        "_submissions",
        "_submitted_version",
        "_writers",
        "version",
    )

    def __init__(self, identity: Identity, rights: Rights, submissions: "Submissions") -> None:
        super().__init__(identity, rights)
        self._submissions = submissions
        self._handles: set[SpecHandle] = set()
        self._writers = 0
        self.version = 0
        self._submitted_version = 0
        self._checked: tuple[int, str] | None = None
        self._author: Author | None = None
        self._is_touched = False

    @property
    def is_being_written(self) -> bool:
        """Whether a handle that may write is open."""
        return self._writers > 0

    def descriptor(self) -> int | None:
        """Descriptor of some open handle."""
        return next((handle.fd for handle in self._handles), None)

    async def open(self, flags: int) -> "SpecHandle":
        """Open it; writing handles can read as well, so that what they wrote can be checked."""
        may_write = _may_write(flags)
        fd = self._open_underneath(may_write=may_write)
        handle = self.opened(fd, may_write=may_write)
        if flags & os.O_TRUNC and may_write:
            os.ftruncate(fd, 0)
            handle.has_written = True
            self.version += 1
        return handle

    def _open_underneath(self, *, may_write: bool) -> int:
        place = self.place()
        # A file without a name, open elsewhere: /proc leads to it again.
        path = f"/proc/self/fd/{place}" if isinstance(place, int) else place
        no_follow = 0 if isinstance(place, int) else os.O_NOFOLLOW
        return os.open(path, (os.O_RDWR if may_write else os.O_RDONLY) | os.O_CLOEXEC | no_follow)

    async def reopen(self, opened: Opened) -> "SpecHandle":
        """As it was, and with what was written not handed on yet."""
        fd = self._open_underneath(may_write=_may_write(opened.flags))
        handle = SpecHandle(self, fd, may_write=_may_write(opened.flags))
        handle.has_written = handle.may_write and (opened.has_written or bool(opened.flags & os.O_TRUNC))
        self._handles.add(handle)
        return handle

    def opened(self, fd: int, *, may_write: bool) -> "SpecHandle":
        """A handle for a descriptor that is open already."""
        handle = SpecHandle(self, fd, may_write=may_write)
        self._handles.add(handle)
        handle.go_on()
        return handle

    def began(self, handle: "SpecHandle") -> None:
        """A handle that may write is in use."""
        self._writers += 1
        self.version += handle.has_written

    def closed(self, handle: "SpecHandle") -> None:
        """A handle is gone; the last that could write hands the content on."""
        self._handles.discard(handle)
        if self.kept and not self._handles:
            Path(self.kept).unlink(missing_ok=True)
            self.kept = ""
        if handle.is_writer:
            self._writers -= 1
            self._is_touched = self._is_touched and not self.is_being_written_to
            self.submit_if_changed()
            self._retry_if_touched()

    def submit_if_changed(self) -> None:
        """Hand the content on, unless somebody may still write to it or it is as it was."""
        if not self.is_being_written and self.version != self._submitted_version:
            self._submitted_version = self.version
            author, self._author = self._author, None
            for name in self.spec_names():
                self._submissions.submit_soon(name, author)

    def put_into_place(self, name: str, author: Author | None = None) -> None:
        """It has the name of a specification now: hand it on, at once or when the last writer is done.

        A close does not wait for its release, so that who closes a file and renames it may find it open here.
        """
        if self.is_being_written:
            self._author, self._submitted_version = author, _NEVER
        else:
            self._submissions.submit_soon(name, author)

    async def check(self, name: str) -> None:
        """Refuse content that cannot stand under that name.

        Raises:
            SpecificationError: What is wrong with it.
        """
        version = self.version
        if self._checked == (version, name):
            return
        place, found = self.stat()
        is_small = found.st_size <= INLINE_BYTES
        content = self._content(place) if is_small else await trio.to_thread.run_sync(self._content, place)
        if not is_blank(content):
            await self._submissions.check(name, content, read_owner(place, found).uid)
        self._checked = (version, name)

    def _content(self, place: Place) -> bytes:
        fd = os.dup(place) if isinstance(place, int) else os.open(place, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        with os.fdopen(fd, "rb", buffering=0) as stream:
            return os.pread(stream.fileno(), MAX_CHECKED_BYTES, 0)

    async def change(self, changes: Changes, handle: Handle | None = None) -> None:
        """Everything that can be changed. A new size is a write, a new time of modification asks for another try.

        Raises:
            QuotaError: Another try is refused. The time is changed all the same, and the message tells why.
        """
        if changes.size_bytes is not None:
            self._resize(changes.size_bytes, handle)
        before = self.attributes().uid
        await super().change(changes)
        if changes.uid not in (None, before):
            for name in tuple(self.spec_names()):
                await self._submissions.give(name, changes.uid)
        self.submit_if_changed()
        if changes.mtime_ns is not None and changes.size_bytes is None and not self.is_being_written_to:
            self._is_touched = True
            self._retry_if_touched()
            for name in tuple(self.spec_names()):
                await self._submissions.check_retry(name, self.attributes().uid)

    def _retry_if_touched(self) -> None:
        """Ask for another try, once nobody has it open for writing: touch(1) opens what it touches."""
        if self._is_touched and not self.is_being_written:
            self._is_touched = False
            for name in self.spec_names():
                self._submissions.retry_soon(name)

    @property
    def is_being_written_to(self) -> bool:
        """Whether a submission will follow anyway."""
        return self.version != self._submitted_version

    def _resize(self, size_bytes: int, handle: Handle | None) -> None:
        if isinstance(handle, SpecHandle) and handle.may_write:
            os.ftruncate(handle.fd, size_bytes)
            handle.has_written = True
        else:
            place = self.place()
            os.truncate(f"/proc/self/fd/{place}" if isinstance(place, int) else place, size_bytes)
        self.version += 1


class SpecHandle(Handle):
    """An open file.

    Attributes:
        fd: Descriptor underneath.
        may_write: Whether it was opened for writing.
        has_written: Whether content was changed through it since the last successful flush.
        is_writer: Whether the file waits for its release before it is handed on.
    """

    __slots__ = ("_file", "fd", "has_written", "is_writer", "may_write")

    def __init__(self, file: SpecFile, fd: int, *, may_write: bool) -> None:
        self._file = file
        self.fd = fd
        self.may_write = may_write
        self.has_written = False
        self.is_writer = False

    def go_on(self) -> None:
        """See `Handle`: it counts as a writer from now on."""
        if self.may_write and not self.is_writer:
            self.is_writer = True
            self._file.began(self)

    async def read(self, offset: int, size: int) -> bytes:
        """From the file underneath."""
        if size <= INLINE_BYTES:
            return os.pread(self.fd, size, offset)
        return await trio.to_thread.run_sync(os.pread, self.fd, size, offset)

    async def write(self, offset: int, content: bytes) -> int:
        """To the file underneath."""
        if not self.may_write:
            raise OSError(errno.EBADF, os.strerror(errno.EBADF))
        self.has_written = True
        self._file.version += 1
        if len(content) <= INLINE_BYTES:
            return _write_all(self.fd, content, offset)
        written = await trio.to_thread.run_sync(_write_all, self.fd, content, offset)
        self._file.version += 1  # what was checked meanwhile had half of it
        return written

    async def flush(self) -> None:
        """Refuse what was written through this handle when it cannot stand.

        Raises:
            SpecificationError: What is wrong with it. The bytes stay.
        """
        if self.has_written:
            for name in tuple(self._file.spec_names()):
                await self._file.check(name)

    async def sync(self) -> None:
        """Fsync underneath."""
        await trio.to_thread.run_sync(os.fsync, self.fd)

    async def release(self) -> None:
        """Close, and hand on what was written."""
        os.close(self.fd)
        self._file.closed(self)


def _may_write(flags: int) -> bool:
    return flags & os.O_ACCMODE != os.O_RDONLY


def _write_all(fd: int, content: bytes, offset: int) -> int:
    done = 0
    view = memoryview(content)
    while done < len(content):
        done += os.pwrite(fd, view[done:], offset + done)
    return done
