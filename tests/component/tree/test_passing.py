"""Links that `ln -sfn` is about to rename: how long they are there, and how many."""

import errno
import os

import pytest

from condafs.names import BuildName
from condafs.tree import passing
from condafs.tree.node import Caller
from condafs.tree.passing import PASSING_SECONDS, PassingLink
from condafs.tree.tree import Tree
from tests.component.tree.house import House, make_tree

OWNER = Caller(1000, 100)


@pytest.fixture
def build(house: House) -> BuildName:
    return house.content.add_build("foo", "one", uid=1000)


async def test_a_link_in_passing_lives_for_a_minute(house: House, build: BuildName) -> None:
    clock = [0.0]
    tree = Tree(house.settings, house, house, house, house, house, now=lambda: clock[0])
    await tree.root.make_symlink("tmp", str(build), OWNER)
    clock[0] = PASSING_SECONDS - 1
    assert isinstance(await tree.root.child("tmp"), PassingLink)
    clock[0] = PASSING_SECONDS
    assert not isinstance(await tree.root.child("tmp"), PassingLink)


async def test_links_in_passing_are_limited(tree: Tree, build: BuildName, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passing, "MAX_PASSING_LINKS", 2)
    for name in ("one", "two"):
        await tree.root.make_symlink(name, str(build), OWNER)
    with pytest.raises(OSError, match=os.strerror(errno.EDQUOT)):
        await tree.root.make_symlink("three", str(build), OWNER)
    await tree.root.unlink("one", OWNER)
    await tree.root.make_symlink("three", str(build), OWNER)


async def test_a_roll_back_that_is_asked_for_twice_goes_back_once(house: House, tree: Tree) -> None:
    one, two, _ = (house.content.add_build("foo", text, uid=1000) for text in ("one", "two", "three"))
    link = await tree.root.make_symlink("tmp", "foo@-1", OWNER)
    await tree.root.rename("tmp", tree.root, "foo", OWNER)
    after = make_tree(house)  # the daemon was killed before it answered
    await after.recall(link.key)
    await after.root.rename("tmp", after.root, "foo", OWNER)
    assert house.content.by_name["foo"].current == two.digest
    assert one != two
