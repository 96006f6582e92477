"""Directories in each other, deeper than a path can name."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

DEEP = 1100
"""More levels than Python has frames (1,000)."""


def make_deep(top: Path, levels: int = DEEP, name: str = "a") -> None:
    """Make a directory with so many below it, and a file in the last."""
    top.mkdir(parents=True)
    fd = os.open(top, os.O_RDONLY)
    for _ in range(levels):
        os.mkdir(name, dir_fd=fd)
        below = os.open(name, os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(os.open("file", os.O_CREAT | os.O_WRONLY, dir_fd=fd))
    os.close(fd)


@pytest.fixture
def cleared(tmp_path: Path) -> Iterator[None]:
    """Pytest removes directories by recursion, and cannot remove such ones."""
    yield
    subprocess.run(["rm", "--recursive", "--force", "--", tmp_path], check=True)
