"""What the kernel was told, kept outside of the process: who takes the mount over goes on where another was killed.

The kernel talks in numbers: of inodes and of open files. A daemon that takes a mount over has to know what the one
before it meant by them. So each number is written down before the kernel hears of it, and each change of a name before
it is made: a request that was read but not answered comes again, and must not be carried out twice (`once`).

What is in the file, which is made anew for each mount (`records` has its form): by kind, number and payload::

    D 0  the device of the mount, `0:52`        N inode   its node's key         W handle  it was written to
    Q 0  the kernel's FUSE_INIT                 F inode   forgotten              C handle  closed
    A 0  our answer                             O handle  inode, flags, content  L handle  inode of the directory
    B 0  a change of names that was begun, NUL, meaning                     E 0  the same, and answered
    H handle  the highest that was ever given

Concurrency: the event loop's alone. A write to a file in memory (tmpfs) takes about a microsecond; records are
gathered until `flush`, which comes before the answer. What cannot be read is as if there were no ledger, and one that
cannot be written is removed: without one, the next daemon mounts anew.
"""

import contextlib
import errno
import logging
import os
import struct
from pathlib import Path
from typing import Self

from condafs.filesystem.begun import Begun
from condafs.filesystem.handshake import Handshake
from condafs.filesystem.memory import Memory
from condafs.filesystem.records import MARK, read_records, record
from condafs.tree.node import Opened

logger = logging.getLogger(__name__)

_OPENED = struct.Struct("<QI?")

LARGEST_CONTENT_BYTES = 1 << 20
"""Texts up to this size stay as they were when they were opened; larger ones are computed anew after a takeover."""

SLACK_BYTES = 4 << 20
"""How much of the file may be out of date before it is written anew: some 40,000 names."""


class Ledger(Memory):
    """A file that outlives the process, and what was in it.

    Args:
        path: Of the file, on a disk in memory; `open` makes it.

    Attributes:
        device: Of the mount that it is about.
        handshake: How that connection began.
        nodes: Key of each node that the kernel knew when this was opened, by inode.
        opened: What was open then, by handle: inode and how.
        listings: Inode of each directory that was open then, by handle.
        last_handle: The highest handle that was ever given on this mount. The kernel may still close what it was told
            of, also when that is closed or forgotten here: so no number is given twice.
    """

    def __init__(self, path: Path) -> None:
        self.nodes: dict[int, bytes] = {}
        self.opened: dict[int, tuple[int, Opened]] = {}
        self.listings: dict[int, int] = {}
        self.last_handle = 0
        self.device = ""
        self.handshake = Handshake()
        self._path = path
        self._fd = -1
        self._size = self._kept_size = 0
        self._is_lost = False
        self._waiting = bytearray()
        self._records: dict[tuple[bytes, int], bytes] = {}
        self._begun = Begun()

    @classmethod
    def open(cls, path: Path) -> Self:
        """Read what a daemon before us left; an empty ledger when there is none, or none that can be read.

        Raises:
            OSError: It cannot be read or written; there is none then.
        """
        ledger = cls(path)
        try:
            try:
                ledger._read()
            except (ValueError, struct.error) as error:
                logger.warning("%s is not used: %s", path, error)
                ledger = cls(path)
            ledger._write_anew()
        except OSError:
            with contextlib.suppress(OSError):
                path.unlink()  # or a daemon after the next would believe it
            raise
        return ledger

    def _read(self) -> None:
        with contextlib.suppress(FileNotFoundError):
            for kind, number, payload in read_records(self._path.read_bytes()):
                self._recall(kind, number, payload)

    def begin_anew(self, device: str) -> None:
        """Another mount: nothing of what was known counts. `device`: as mountinfo has it, "0:52".

        One that could not be written gets another chance.
        """
        self.nodes, self.opened, self.listings = {}, {}, {}
        self._begun.clear()
        self._records.clear()
        self.device, self.handshake = device, Handshake()
        self._note(b"D", 0, device.encode())
        try:
            self._write_anew()
            self._is_lost = False
        except OSError as error:
            self._lose(error)

    def note_handshake(self, handshake: Handshake) -> None:
        """As far as it has come. When all is said, the kernel asks again for what was not answered."""
        self.handshake = handshake
        if handshake.reply:
            self._begun.start_clock()
        self._note(b"Q", 0, handshake.request)
        self._note(b"A", 0, handshake.reply)
        self.flush()

    def note_node(self, number: int, key: bytes) -> None:
        """The kernel is to hear of an inode."""
        self._note(b"N", number, key)

    def note_forgotten(self, number: int) -> None:
        """The kernel has forgotten it; nothing is lost when that is not written down."""
        if self._records.pop((b"N", number), None):
            self._waiting += record(b"F", number)

    def note_opened(self, handle: int, inode: int, opened: Opened) -> None:
        """The kernel is to hear of an open file."""
        self.last_handle = max(self.last_handle, handle)
        content = opened.content
        if content is not None and len(content) > LARGEST_CONTENT_BYTES:
            content = None
        self._note(b"O", handle, _OPENED.pack(inode, opened.flags, content is not None) + (content or b""))

    def note_written(self, handle: int) -> None:
        """It was written to."""
        if (b"W", handle) not in self._records:
            self._note(b"W", handle, b"")
            self.flush()

    def note_listing(self, handle: int, inode: int) -> None:
        """The kernel is to hear of an open directory."""
        self.last_handle = max(self.last_handle, handle)
        self._note(b"L", handle, struct.pack("<Q", inode))

    def note_closed(self, handle: int) -> None:
        """The kernel has closed it."""
        for kind in (b"O", b"W", b"L"):
            self._records.pop((kind, handle), None)
        self._waiting += record(b"C", handle)

    def begin(self, *change: object, meaning: str = "") -> str | None:
        """See `Memory`."""
        self.settle()
        before = self._begun.find(change)
        if before is None:
            self._waiting += record(b"B", 0, self._begun.begin(change, meaning))
            self.flush()
        return before

    def end(self, *change: object, meaning: str = "") -> None:
        """See `Memory`."""
        self._begun.end(change, meaning)

    def settle(self) -> None:
        """See `Memory`."""
        for change in self._begun.settle():
            self._waiting += record(b"E", 0, change)

    def flush(self) -> None:
        """What was noted is safe when this returns."""
        if self._waiting and not self._is_lost:
            try:
                self._size += _write(self._fd, self._waiting)
                if self._size > 2 * self._kept_size + SLACK_BYTES:
                    self._write_anew()
            except OSError as error:
                self._lose(error)
        self._waiting.clear()

    def _lose(self, error: OSError) -> None:
        """Half a ledger is worse than none."""
        logger.warning("%s cannot be written, the mount will not outlive this daemon: %s", self._path, error)
        self._is_lost = True
        for path in (self._path, self._fresh_path):
            with contextlib.suppress(OSError):
                path.unlink()

    @property
    def _fresh_path(self) -> Path:
        return self._path.with_name(f".{self._path.name}")

    def _note(self, kind: bytes, number: int, payload: bytes) -> None:
        self._records[kind, number] = record(kind, number, payload)
        self._waiting += self._records[kind, number]

    def _write_anew(self) -> None:
        """Write what counts into a new file, in place of the old one."""
        begun = (record(b"B", 0, change) for change in self._begun)
        content = b"".join([MARK, record(b"H", self.last_handle), *self._records.values(), *begun])
        fresh = self._fresh_path
        fresh.unlink(missing_ok=True)
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND | os.O_CLOEXEC, 0o600)
        try:
            _write(fd, content)
            fresh.replace(self._path)
        except OSError:
            os.close(fd)
            raise
        if self._fd >= 0:
            os.close(self._fd)
        self._fd = fd
        self._waiting.clear()
        self._size = self._kept_size = len(content)

    def _recall(self, kind: bytes, number: int, payload: bytes) -> None:  # noqa: C901 - a case a record
        match kind:
            case b"D":
                self.device = payload.decode()
            case b"Q":
                self.handshake = Handshake(payload)
            case b"A":
                self.handshake = Handshake(self.handshake.request, payload)
            case b"N":
                self.nodes[number] = payload
            case b"F":
                self.nodes.pop(number, None)
            case b"O":
                self.last_handle = max(self.last_handle, number)
                inode, flags, has_content = _OPENED.unpack_from(payload)
                self.opened[number] = inode, Opened(flags, payload[_OPENED.size :] if has_content else None)
            case b"W" if number in self.opened:
                inode, opened = self.opened[number]
                self.opened[number] = inode, Opened(opened.flags, opened.content, has_written=True)
            case b"L":
                self.last_handle = max(self.last_handle, number)
                self.listings[number] = struct.unpack("<Q", payload)[0]
            case b"C":
                self.opened.pop(number, None)
                self.listings.pop(number, None)
            case b"B":
                self._begun.recall(payload)
                return
            case b"E":
                self._begun.recall_end(payload)
                return
            case b"H":
                self.last_handle = max(self.last_handle, number)
                return
        self._keep(kind, number, payload)

    def _keep(self, kind: bytes, number: int, payload: bytes) -> None:
        """A record of before counts as one of ours."""
        if kind == b"F":
            self._records.pop((b"N", number), None)
        elif kind == b"C":
            for sort in (b"O", b"W", b"L"):
                self._records.pop((sort, number), None)
        else:
            self._records[kind, number] = record(kind, number, payload)


def _write(fd: int, content: bytes | bytearray) -> int:
    """All of it, or OSError: what comes after half a record could not be read."""
    written = os.write(fd, content)
    if written < len(content):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    return written
