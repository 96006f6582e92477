"""A house and its tree, at work."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from condafs.tree.specs import removals
from condafs.tree.tree import Tree
from tests.component.tree.house import House, make_house, make_tree


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Nothing is in it."""
    return make_house(tmp_path)


@pytest.fixture
async def tree(house: House, nursery: trio.Nursery, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Tree]:
    """Its tree; submissions are carried out in the background, and removals decided quickly."""
    monkeypatch.setattr(removals, "GRACE_SECONDS", 0.01)
    made = make_tree(house)
    await nursery.start(made.run)
    yield made
    nursery.cancel_scope.cancel()
