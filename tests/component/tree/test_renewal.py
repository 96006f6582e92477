"""Touching the link of a build: who may have it made again, and what else is asked of a link."""

import dataclasses

import pytest

from condafs.catalog.events import Author
from condafs.names import BuildName
from condafs.tree.node import Caller, Changes
from condafs.tree.renewal import Renewal
from condafs.tree.rights import Rights
from condafs.tree.tree import Tree
from tests.component.tree.house import House

ANN, BOB, DAEMON = 1000, 1001, 990


@pytest.fixture
def build(house: House) -> BuildName:
    """A published build of foo, which is Ann's."""
    return house.content.add_build("foo", "one", uid=ANN)


async def change(tree: Tree, name: str, changes: Changes) -> None:
    node = await tree.root.child(name)
    assert node
    await node.change(changes)


async def test_touching_a_build_by_either_name_has_it_made_again(house: House, tree: Tree, build: BuildName) -> None:
    for name in (str(build), f"foo@{build.digest.short}"):
        await change(tree, name, Changes(mtime_ns=1, atime_ns=1, caller=Caller(ANN, 100)))
    assert house.calls == [("renew", str(build))] * 2
    assert house.authors == [Author(ANN)] * 2


async def test_root_and_the_daemons_user_may_as_its_owner_may(house: House, build: BuildName) -> None:
    renewal = Renewal(house, house, Rights(daemon_uid=DAEMON))
    for uid in (ANN, 0, DAEMON):
        await renewal.ask(str(build), Changes(mtime_ns=1, caller=Caller(uid, 100)))
    assert house.authors == [Author(uid) for uid in (ANN, 0, DAEMON)]


async def test_nobody_else_may(house: House, tree: Tree, build: BuildName) -> None:
    for caller in (Caller(BOB, 100), None):
        with pytest.raises(PermissionError):
            await change(tree, str(build), Changes(mtime_ns=1, caller=caller))
    assert house.calls == []


async def test_a_link_has_nothing_else_that_could_be_changed(house: House, tree: Tree, build: BuildName) -> None:
    for changes in (Changes(mtime_ns=1, permissions=0o600), Changes(mtime_ns=1, uid=BOB), Changes(atime_ns=1)):
        with pytest.raises(PermissionError):
            await change(tree, str(build), dataclasses.replace(changes, caller=Caller(ANN, 100)))
    assert house.calls == []


async def test_what_is_no_build_is_not_there(house: House, tree: Tree, build: BuildName) -> None:
    for name in ("f" * 64 + "-foo", "foo@-9"):
        with pytest.raises(FileNotFoundError):
            await change(tree, name, Changes(mtime_ns=1, caller=Caller(ANN, 100)))
    assert house.calls == []
    del build
