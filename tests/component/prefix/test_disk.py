"""Writing out what was made."""

import ctypes
import errno
from pathlib import Path

import pytest

from condafs.prefix.disk import Disk


class FailingLibrary:
    """A C library on a machine whose disk fails once."""

    def __init__(self) -> None:
        self.calls = 0

    def syncfs(self, _fd: int) -> int:
        self.calls += 1
        ctypes.set_errno(errno.EIO)
        return -1 if self.calls == 1 else 0


def test_a_filesystem_is_synced_by_any_path_on_it(tmp_path: Path) -> None:
    with Disk(tmp_path) as disk:
        disk.sync_soon()
        (tmp_path / "file").touch()
        disk.sync()


def test_a_path_that_is_not_there_cannot_be_synced(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        Disk(tmp_path / "gone")


def test_what_failed_in_the_background_is_not_lost(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = FailingLibrary()
    monkeypatch.setattr(ctypes, "CDLL", lambda *_args, **_kwargs: library)
    with Disk(tmp_path) as disk:
        disk.sync_soon()
        with pytest.raises(OSError, match="Input/output error"):
            disk.sync()
