"""SHA-256 of many files: by a thread for each core, each content once however many builds share it.

Files are read in the order of their inodes, in which a disk has them more or less; hashing and reading let go of
Python's global lock, and small files go in pieces, so that threads seldom wait for each other.
"""

import errno
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from hashlib import sha256
from types import TracebackType
from typing import Self

from condafs.health.found import Inode

_PIECE_FILES = 64
_PIECE_BYTES = 8 << 20
_BLOCK_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Job:
    """A file to be hashed; `inode` as it was found."""

    path: str
    inode: Inode

    @property
    def size_bytes(self) -> int:
        """Of the file."""
        return self.inode[3]


Digest = str | OSError
"""64 hex digits, or why there are none."""


class Hasher:
    """Threads, and what they found out; a context manager.

    Args:
        threads: How many; a thread for each core, and one that waits for the disk.
    """

    def __init__(self, threads: int = 0) -> None:
        self._pool = ThreadPoolExecutor(threads or len(os.sched_getaffinity(0)) + 1, "hash")
        self._known: dict[Inode, Digest] = {}

    def another(self) -> "Hasher":
        """One that knows the same, with threads of its own: threads do not come along into a fork."""
        other = Hasher()
        other._known |= self._known
        return other

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._pool.shutdown(cancel_futures=True)

    def hash(self, jobs: Iterable[Job], on_bytes: Callable[[int], None]) -> dict[str, Digest]:
        """Hash files.

        Args:
            jobs: Files.
            on_bytes: Told how many more bytes are done, now and then; in this thread.

        Returns:
            By path.
        """
        wanted = list(jobs)
        fresh = {job.inode: job for job in wanted if job.inode not in self._known}
        on_bytes(sum(job.size_bytes for job in wanted) - sum(job.size_bytes for job in fresh.values()))
        ordered = sorted(fresh.values(), key=lambda job: job.inode)
        for done in self._pool.map(_hash_piece, _pieces(ordered)):
            self._known |= done
            on_bytes(sum(inode[3] for inode in done))
        return {job.path: self._known[job.inode] for job in wanted}


def _pieces(jobs: Sequence[Job]) -> Iterator[list[Job]]:
    piece: list[Job] = []
    size_bytes = 0
    for job in jobs:
        piece.append(job)
        size_bytes += job.size_bytes
        if len(piece) == _PIECE_FILES or size_bytes > _PIECE_BYTES:
            yield piece
            piece, size_bytes = [], 0
    if piece:
        yield piece


def _hash_piece(jobs: Sequence[Job]) -> dict[Inode, Digest]:
    buffer = bytearray(_BLOCK_BYTES)
    return {job.inode: _hash(job.path, buffer) for job in jobs}


def _hash(path: str, buffer: bytearray) -> Digest:
    hashed = sha256()
    view = memoryview(buffer)
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            while count := os.readv(fd, [buffer]):
                hashed.update(view[:count])
        finally:
            os.close(fd)
    except OSError as error:
        return error if error.errno != errno.ELOOP else FileNotFoundError(errno.ENOENT, "a link by now", path)
    return hashed.hexdigest()
