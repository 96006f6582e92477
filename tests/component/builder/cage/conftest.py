"""Where everybody may go, unlike pytest's own directories."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture
def open_path() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="condafs-"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)
