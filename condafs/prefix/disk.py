"""Writing out everything at once, and hearing of it when the disk failed."""

import ctypes
import os
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from types import TracebackType
from typing import Self


class Disk:
    """A filesystem, for as long as something is being written to it; a context manager.

    Opened before anything is written: an error of the disk is reported to those that had the filesystem open when it
    happened, once to each (Linux 5.8, errseq_t), so that one in the background is not lost between two calls.

    Args:
        path: Anything on it.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        self._aside = ThreadPoolExecutor(1, "disk")
        self._early: list[Future[None]] = []

    def sync_soon(self) -> None:
        """Much is written: let it be on its way to the disk while more is being made."""
        self._early.append(self._aside.submit(self._sync))

    def sync(self) -> None:
        """Write out everything and wait for the disk.

        One call for 40,000 files, where fsync of each would take minutes (syncfs(2), since glibc 2.14; not in `os`).

        Raises:
            OSError: The disk reported an error since this was opened.
        """
        for early in self._early:
            early.result()
        self._sync()

    def _sync(self) -> None:
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.syncfs(self._fd):
            number = ctypes.get_errno()
            raise OSError(number, os.strerror(number), str(self._path))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._aside.shutdown()
        os.close(self._fd)
