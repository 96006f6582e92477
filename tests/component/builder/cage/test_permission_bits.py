"""Whose file a chmod of a caged program is about."""

import ctypes
import os
import stat
from pathlib import Path

import pytest

from condafs.builder.cage.permission_bits import change_mode


def chmod(path: str, mode: int, *, top: Path) -> int:
    """As if another thread of this process, whose path lies in our memory, had asked for it."""
    text = ctypes.create_string_buffer(os.fsencode(path))
    return change_mode(os.getpid(), "chmod", (ctypes.addressof(text), mode), [top], lambda: True)


@pytest.mark.parametrize("name", ["share/dev/fd/file", "share/proc/self/file", "proc/thread-self/file"])
def test_a_path_that_holds_the_words_of_a_process_is_a_path(tmp_path: Path, name: str) -> None:
    file = tmp_path / name
    file.parent.mkdir(parents=True)
    file.touch(mode=0o600)
    assert chmod(str(file), 0o640, top=tmp_path.resolve()) == 0
    assert stat.S_IMODE(file.stat().st_mode) == 0o640


@pytest.mark.parametrize("way", ["/proc/self/fd/{}", "//proc//self/fd/{}", "/dev/fd/{}", "/dev//fd/{}"])
def test_what_means_oneself_means_the_one_who_asks(tmp_path: Path, way: str) -> None:
    file = tmp_path / "file"
    file.touch(mode=0o600)
    fd = os.open(file, os.O_RDONLY)
    assert chmod(way.format(fd), 0o640, top=tmp_path.resolve()) == 0
    os.close(fd)
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
