"""Prefixes that tests change as they like."""

from pathlib import Path

import pytest

from tests.component.prefix.by_hand import add_python


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """A python of sorts, in a directory whose name shells and Python could stumble over."""
    path = tmp_path / 'it\'s a "$HOME" prefix'
    (path / "conda-meta").mkdir(parents=True)
    add_python(path)
    return path
