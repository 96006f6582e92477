"""A house and its tree, at work."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from condafs.tree.tree import Tree
from tests.component.tree.house import House, make_house, make_tree


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Nothing is in it."""
    return make_house(tmp_path)


@pytest.fixture
async def tree(house: House, nursery: trio.Nursery) -> AsyncIterator[Tree]:
    """Its tree; submissions are carried out in the background."""
    made = make_tree(house)
    await nursery.start(made.run)
    yield made
    nursery.cancel_scope.cancel()
