"""A node's key leads to that node again, whatever it is: another process may have told the kernel of it."""

import pytest

from condafs.tree.node import Caller, Directory, Node
from condafs.tree.tree import Tree
from tests.component.tree.house import House, make_tree

ME = Caller(1000, 100)


async def all_nodes(directory: Directory) -> list[Node]:
    """Everything that can be listed, and what is looked up under those names."""
    found: list[Node] = [directory]
    for name in await directory.names():
        node = await directory.child(name)
        for known in (node, directory.listed(name)):
            if known is not None and known is not directory:
                found += await all_nodes(known) if isinstance(known, Directory) else [known]
    return found


async def populate(house: House, tree: Tree) -> None:
    """Something of every sort."""
    old = house.content.add_build("foo", "old", uid=1000)
    house.content.add_build("foo", "new", uid=1000)
    (house.settings.logs / f"{old}.log").write_text("log\n")
    specs = await tree.root.child(".specs")
    assert isinstance(specs, Directory)
    await specs.make_file("note.md", 0o644, ME)
    below = await specs.make_directory("below", 0o755, ME)
    await below.make_file("deep.yaml", 0o644, ME)
    await specs.make_symlink("link", "somewhere: else", ME)


async def test_every_key_leads_to_its_node(house: House, tree: Tree) -> None:
    await populate(house, tree)
    nodes = await all_nodes(tree.root)
    history = await tree.root.child(".history")
    assert isinstance(history, Directory)
    generations = await history.child("foo")
    assert isinstance(generations, Directory)
    more = [await generations.child(".events"), await tree.root.child("foo@-1"), await tree.root.child("foo.tar")]
    more.append(await tree.root.make_symlink("tmp:1", "foo@-1", ME))
    status = await tree.root.child(".status")
    assert isinstance(status, Directory)
    quotas = await status.child(".quota")
    assert isinstance(quotas, Directory)
    more += [quotas, await quotas.child("1000")]
    pins = await tree.root.child(".pins")
    assert isinstance(pins, Directory)
    more.append(await pins.make_symlink("paper", "../foo@-1", ME))
    tags = set()
    for node in [*nodes, *filter(None, more)]:
        again = await tree.recall(node.key)
        assert again is not None, node.key
        assert again.key == node.key
        assert type(again) is type(node)
        tags.add(node.key.partition(b":")[0])
    expected = (
        "root specs status logs history exports env build at generation log events passing pin quota export export-name"
    )
    assert tags >= {tag.encode() for tag in expected.split()}


async def test_files_are_found_by_another_process(house: House, tree: Tree) -> None:
    await populate(house, tree)
    keys = {node.key for node in await all_nodes(tree.root) if node.key.startswith(b"specs:")}
    assert len(keys) == 5
    other = make_tree(house)
    for key in keys:
        node = await other.recall(key)
        assert node is not None
        assert node.key == key


@pytest.mark.parametrize("key", [b"", b"nonsense", b"specs:1:2", b"env:no/name", b"at:", b"passing:x", b"export:x:tar"])
async def test_what_is_not_there_is_nothing(tree: Tree, key: bytes) -> None:
    node = await tree.recall(key)
    assert node is None or node.key == key
