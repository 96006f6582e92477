"""Reading an archive that does not exist: bytes of any place, from an index and the files of a sealed prefix.

Nothing here logs, and few modules are imported: readers are processes that somebody waits for.
"""

import errno
import os
import stat
from bisect import bisect_right
from collections import deque
from functools import lru_cache

from condafs.export.index import CHUNK_BYTES, Index

TYPE_CHECKING = False
if TYPE_CHECKING:  # importing typing takes milliseconds
    from typing import NoReturn

KEPT_OPEN = 4
"""Files that stay open between reads: a large one is read in many."""

KEPT_CHUNKS = 8


class Reader:
    """Computes an archive's bytes.

    Args:
        index: Of the archive.
        root: Descriptor of the directory that relative paths in it are relative to; closed at the end. Held open, it
            leads to the files also when the directory is renamed.
    """

    def __init__(self, index: Index, root: int) -> None:
        self.index = index
        self._root = root
        self._open: deque[tuple[int, int]] = deque()
        self._chunk = lru_cache(KEPT_CHUNKS)(index.chunk)

    def close(self) -> None:
        """End."""
        os.close(self._root)
        while self._open:
            os.close(self._open.pop()[1])

    def read(self, offset: int, size: int) -> bytearray:
        """Bytes from `offset` on: as many as asked for, fewer only at the end.

        Raises:
            OSError: As `read_into`.
        """
        buffer = bytearray(max(0, min(size, self.index.size_bytes - offset)))
        self.read_into(memoryview(buffer), offset)
        return buffer

    def read_into(self, view: memoryview, offset: int) -> None:
        """Fill a buffer with the bytes from `offset` on; there are as many.

        Raises:
            OSError: EIO, when a file is not any more what the index says; it names the file and says why.
        """
        starts, sliced = self.index.starts, self.index.sliced
        end = offset + len(view)
        position = offset
        number = bisect_right(starts, position) - 1
        while position < end:
            before = sliced[number] if number >= 0 else 0
            if number >= 0:
                length = before - (sliced[number - 1] if number else 0)
                inside = position - starts[number]
                if inside < length:
                    stop = min(end, position + length - inside)
                    self._read_slice(number, inside, view[position - offset : stop - offset])
                    position = stop
            following = starts[number + 1] if number + 1 < len(starts) else self.index.size_bytes
            stop = min(end, following)
            if position < stop:
                self._read_literal(position - before, view[position - offset : stop - offset])
                position = stop
            number += 1

    def _read_literal(self, offset: int, view: memoryview) -> None:
        done = 0
        while done < len(view):
            number, inside = divmod(offset + done, CHUNK_BYTES)
            part = self._chunk(number)[inside : inside + len(view) - done]
            view[done : done + len(part)] = part
            done += len(part)

    def _read_slice(self, number: int, inside: int, view: memoryview) -> None:
        file = self.index.files[number]
        fd = self._take(file)
        at = self.index.offsets[number] + inside
        done = 0
        try:
            while done < len(view):
                count = os.preadv(fd, [view[done:] if done else view], at + done)
                if not count:
                    self._refuse(file, "it has become shorter")
                done += count
        except BaseException:
            os.close(fd)
            raise
        if at + done < self.index.sizes[file]:
            self._keep(file, fd)
        else:
            os.close(fd)

    def _take(self, file: int) -> int:
        """A descriptor of a file that is as the index says; one that was kept open, if there is one."""
        for number, (kept, fd) in enumerate(self._open):
            if kept == file:
                del self._open[number]
                return fd
        try:
            fd = os.open(self.index.path_of(file), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self._root)
        except OSError as error:
            self._refuse(file, error.strerror)
        found = os.fstat(fd)
        is_same = found.st_size == self.index.sizes[file] and found.st_mtime_ns == self.index.mtimes[file]
        if not is_same or not stat.S_ISREG(found.st_mode):
            os.close(fd)
            self._refuse(file, "it was changed")
        return fd

    def _keep(self, file: int, fd: int) -> None:
        self._open.append((file, fd))
        if len(self._open) > KEPT_OPEN:
            os.close(self._open.popleft()[1])

    def _refuse(self, file: int, why: str | None) -> "NoReturn":
        raise OSError(errno.EIO, why, os.fsdecode(self.index.path_of(file)))
