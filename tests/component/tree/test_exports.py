"""`foo.tar`, `foo@3f2a.oci` and the like: what they are of, and what can be done with them."""

import errno
import os
import stat

import pytest

from condafs.catalog.events import Author
from condafs.catalog.records import BuildState
from condafs.errors import ForbiddenError
from condafs.names import BuildName
from condafs.tree.exports import ExportFile
from condafs.tree.node import Caller, Directory
from condafs.tree.tree import Tree
from tests.component.tree.house import House

OWNER = Caller(1000, 100)


@pytest.fixture
def builds(house: House) -> list[BuildName]:
    """Two published builds of foo."""
    return [house.content.add_build("foo", text, uid=1000) for text in ("one", "two")]


async def export(tree: Tree, name: str) -> ExportFile:
    node = await tree.root.child(name)
    assert isinstance(node, ExportFile)
    return node


async def listing(tree: Tree) -> Directory:
    node = await tree.root.child(".exports")
    assert isinstance(node, Directory)
    return node


@pytest.mark.parametrize("suffix", ["tar", "oci"])
async def test_every_name_of_a_build_has_its_exports(tree: Tree, builds: list[BuildName], suffix: str) -> None:
    one, two = builds
    names = {"foo": two, f"foo@{one.digest.short}": one, f"foo@{one.digest.hex[:5]}": one, "foo@-1": one, str(two): two}
    for name, build in names.items():
        assert (await export(tree, f"{name}.{suffix}")).found.build == build


async def test_attributes_are_exact_and_no_disk_is_taken(tree: Tree, builds: list[BuildName]) -> None:
    node = await export(tree, "foo.tar")
    found = node.attributes()
    assert stat.S_ISREG(found.mode)
    assert stat.S_IMODE(found.mode) == 0o444
    handle = await node.open(os.O_RDONLY)
    assert found.size_bytes == len(await handle.read(0, 1 << 20))
    assert found.disk_bytes == 0
    await handle.release()


async def test_an_export_is_of_one_build_for_ever(house: House, tree: Tree, builds: list[BuildName]) -> None:
    node = await export(tree, "foo.tar")
    handle = await node.open(os.O_RDONLY)
    before = bytes(await handle.read(0, 100))
    await house.roll_back(builds[0].name, builds[0].digest, Author(0))
    assert bytes(await handle.read(0, 100)) == before
    after = await export(tree, "foo.tar")
    assert after.key != node.key
    assert after.found.build == builds[0]
    await handle.release()


async def test_who_has_one_open_holds_its_build(house: House, tree: Tree, builds: list[BuildName]) -> None:
    handles = [await (await export(tree, name)).open(os.O_RDONLY) for name in ("foo.tar", "foo.oci", "foo@-1.tar")]
    assert sorted(house.held) == sorted([builds[1], builds[1], builds[0]])
    for handle in handles:
        assert handle.is_immutable
        await handle.release()
    assert house.held == []


@pytest.mark.parametrize(
    "name", ["nope.tar", "foo@ffff.tar", "foo@-9.oci", ".tar", ".oci", "@.tar", "foo.tar.tar", "a b.tar", "\udcff.oci"]
)
async def test_what_is_not_there_has_no_export(tree: Tree, builds: list[BuildName], name: str) -> None:
    assert await tree.root.child(name) is None
    assert await (await listing(tree)).child(name) is None


async def test_a_build_in_the_making_has_no_export(house: House, tree: Tree) -> None:
    build = house.content.add_build("bar", "one", state=BuildState.BUILDING)
    assert await tree.root.child("bar.tar") is None
    assert await tree.root.child(f"{build}.oci") is None


async def test_they_are_listed_in_their_directory_alone(tree: Tree, builds: list[BuildName]) -> None:
    assert not [name for name in await tree.root.names() if name.endswith((".tar", ".oci"))]
    exports = await listing(tree)
    names = await exports.names()
    stems = ["foo", *(f"foo@{build.digest.short}" for build in builds)]
    assert sorted(names) == sorted(f"{stem}.{suffix}" for stem in stems for suffix in ("tar", "oci"))
    for name in names:
        node = await exports.child(name)
        assert isinstance(node, ExportFile)
        assert node.key == (await export(tree, name)).key
        listed = exports.listed(name)
        assert listed is not None
        assert listed.listed_attributes() is not None


async def test_nothing_can_be_done_to_them(tree: Tree, builds: list[BuildName]) -> None:
    node = await export(tree, "foo.tar")
    for flags in (os.O_WRONLY, os.O_RDWR, os.O_RDONLY | os.O_TRUNC):
        with pytest.raises(OSError, match="Read-only") as caught:
            await node.open(flags)
        assert caught.value.errno == errno.EROFS
    for name in ("foo.tar", f"foo@{builds[0].digest.short}.oci"):
        with pytest.raises(ForbiddenError, match="computed"):
            await tree.root.unlink(name, OWNER)
    with pytest.raises(OSError, match="not permitted"):
        await tree.root.make_symlink("bar.tar", str(builds[0]), OWNER)
    with pytest.raises(OSError, match="not permitted"):
        await tree.root.rename("foo.tar", tree.root, "bar.tar", OWNER)
