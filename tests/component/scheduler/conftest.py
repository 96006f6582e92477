"""State directories of their own."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from condafs.config import Settings
from tests.component.scheduler.scripted import House, make_settings, open_house


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return make_settings(tmp_path / "s")


@pytest.fixture
async def house(settings: Settings) -> AsyncIterator[House]:
    async with open_house(settings) as opened:
        yield opened
