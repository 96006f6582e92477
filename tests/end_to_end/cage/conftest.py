"""A cell for each user and each level that this machine has."""

from collections.abc import Iterator

import pytest

from condafs.builder.cage.level import Level
from tests.end_to_end.cage.cell import Cell, furnished

LEVELS = (Level.LANDLOCK, Level.BUBBLEWRAP)


@pytest.fixture(params=LEVELS, ids=str)
def level(request: pytest.FixtureRequest) -> Level:
    assert isinstance(request.param, Level)
    return request.param


@pytest.fixture(params=["root", "somebody"])
def cell(request: pytest.FixtureRequest, level: Level) -> Iterator[Cell]:
    with furnished(request.param, level) as cell:
        yield cell
