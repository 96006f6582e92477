"""A machine with its pages."""

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from condafs.config import Settings
from tests.component.web.page.house import Machine, serving


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(state=tmp_path / "state", http_directory=tmp_path / "http")


@pytest.fixture
async def machine(settings: Settings, tmp_path: Path) -> AsyncIterator[Machine]:
    """Reading is open to everybody."""
    async with serving(settings, tmp_path) as machine:
        yield machine


@pytest.fixture
async def closed_machine(settings: Settings, tmp_path: Path) -> AsyncIterator[Machine]:
    """Reading needs a token."""
    async with serving(replace(settings, http_open=False), tmp_path) as machine:
        yield machine
