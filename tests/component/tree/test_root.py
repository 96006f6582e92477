"""The root: what resolves, what is listed, how history is steered."""

import dataclasses
import os
from pathlib import Path

import pytest

from condafs.catalog.events import Author
from condafs.catalog.records import BuildState
from condafs.errors import ForbiddenError, InvalidNameError, NotFoundError
from condafs.names import BuildName
from condafs.tree import root as module
from condafs.tree.node import Caller, Directory, Link
from condafs.tree.specs import removals
from condafs.tree.tree import Tree
from tests.component.tree.house import House

OWNER, STRANGER, ROOT = Caller(1000, 100), Caller(1001, 100), Caller(0, 0)


@pytest.fixture
def builds(house: House) -> list[BuildName]:
    """Three published builds of foo, which belongs to OWNER."""
    return [house.content.add_build("foo", text, uid=1000) for text in ("one", "two", "three")]


async def link(tree: Tree, name: str) -> Link:
    node = await tree.root.child(name)
    assert isinstance(node, Link)
    return node


async def exists(tree: Tree, name: str) -> bool:
    node = await tree.root.child(name)
    try:
        return node is not None and bool(node.attributes())
    except FileNotFoundError:
        return False


async def test_names_lead_to_builds_and_builds_to_prefixes(house: House, tree: Tree, builds: list[BuildName]) -> None:
    one, two, three = builds
    assert await (await link(tree, "foo")).target() == str(three)
    assert await (await link(tree, f"foo@{one.digest.short}")).target() == str(one)
    assert await (await link(tree, "foo@-1")).target() == str(two)
    assert await (await link(tree, str(two))).target() == str(house.settings.builds / str(two))


async def test_the_size_of_a_link_is_that_of_its_target(tree: Tree, builds: list[BuildName]) -> None:
    for name in ("foo", "foo@-1", str(builds[0])):
        node = await link(tree, name)
        assert node.attributes().size_bytes == len(await node.target())


async def test_a_name_that_moves_keeps_its_identity(house: House, tree: Tree, builds: list[BuildName]) -> None:
    node = await link(tree, "foo")
    key = node.key
    await house.roll_back(builds[0].name, builds[0].digest, Author(0))
    assert await node.target() == str(builds[0])
    assert (await link(tree, "foo")).key == key


async def test_what_is_listed(tree: Tree, builds: list[BuildName]) -> None:
    expected = {".specs", ".status", ".logs", ".history", ".pins", ".exports", "foo"}
    expected |= {str(build) for build in builds} | {f"foo@{build.digest.short}" for build in builds}
    listed = await tree.root.names()
    assert len(listed) == len(set(listed))
    assert set(listed) == expected
    for name in listed:
        node = tree.root.listed(name)
        assert node is not None
        assert node.key == (await tree.root.child(name)).key  # type: ignore[union-attr]


async def test_of_very_many_builds_the_current_ones_are_listed(
    tree: Tree, builds: list[BuildName], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_LISTED_BUILDS", 2)
    listed = [name for name in await tree.root.names() if not name.startswith(".")]
    assert sorted(listed) == sorted(["foo", str(builds[2]), f"foo@{builds[2].digest.short}"])


async def test_what_is_in_the_making_is_there_but_leads_nowhere(house: House, tree: Tree) -> None:
    build = house.content.add_build("bar", "bar", state=BuildState.BUILDING, uid=1000)
    assert not await exists(tree, "bar")
    for name in (str(build), f"bar@{build.digest.short}"):
        node = await link(tree, name)
        assert node.attributes().uid == 1000
        with pytest.raises(FileNotFoundError):
            await node.target()
    assert not any("bar" in name for name in await tree.root.names())


async def test_a_retired_environment_has_no_name_but_its_builds(
    house: House, tree: Tree, builds: list[BuildName]
) -> None:
    record = house.content.by_name["foo"]
    house.content.by_name["foo"] = dataclasses.replace(record, file_name="")
    assert not await exists(tree, "foo")
    assert await exists(tree, str(builds[0]))
    assert await (await link(tree, "foo@-1")).target() == str(builds[1])


async def test_a_link_that_somebody_remembers_answers_estale_until_its_removal_is_decided(
    tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(removals, "GRACE_SECONDS", 0.3)
    specs = await tree.root.child(".specs")
    assert isinstance(specs, Directory)
    _, handle = await specs.create("bar.yaml", 0o644, os.O_WRONLY, OWNER)
    await handle.write(0, b"name: bar\n")
    await handle.flush()
    await handle.release()
    await tree.settled()
    remembered = await link(tree, "bar")
    assert remembered.attributes().size_bytes
    await specs.unlink("bar.yaml", OWNER)
    with pytest.raises(OSError, match="Stale"):
        remembered.attributes()
    with pytest.raises(OSError, match="Stale"):
        await remembered.target()
    assert not await exists(tree, "bar")  # asked for anew, it waits for what becomes of it


@pytest.mark.parametrize("name", ["nope", "foo@", "foo@zz", "@", "foo@-9", "0" * 64 + "-x", "\udcff", "a b", "x" * 255])
async def test_other_names_are_not_there(tree: Tree, builds: list[BuildName], name: str) -> None:
    del builds
    assert not await exists(tree, name)


async def test_ln_makes_a_link_in_passing_and_renames_it_over_the_name(
    house: House, tree: Tree, builds: list[BuildName]
) -> None:
    made = await tree.root.make_symlink("CuAbCdEf", f"foo@{builds[0].digest.short}", OWNER)
    assert (await made.target(), made.attributes().uid) == (f"foo@{builds[0].digest.short}", 1000)
    assert await exists(tree, "CuAbCdEf")
    await tree.root.rename("CuAbCdEf", tree.root, "foo", OWNER)
    assert house.calls == [("roll_back", "foo", builds[0].digest.hex)]
    assert await (await link(tree, "foo")).target() == str(builds[0])
    assert not await exists(tree, "CuAbCdEf")


async def test_paths_below_the_mount_point_are_targets_too(house: House, tree: Tree, builds: list[BuildName]) -> None:
    tree.mounted_at(Path("/envs"))
    await tree.root.make_symlink("foo", f"/envs/{builds[1]}", OWNER)
    await tree.root.make_symlink("foo", str(house.settings.builds / str(builds[0])), OWNER)
    assert [call[2] for call in house.calls] == [builds[1].digest.hex, builds[0].digest.hex]


@pytest.mark.parametrize(
    ("target", "error"),
    [("/etc/passwd", InvalidNameError), ("foo@-9", NotFoundError), ("bar", NotFoundError), ("", InvalidNameError)],
)
async def test_a_link_to_what_is_no_build_is_refused(
    tree: Tree, builds: list[BuildName], target: str, error: type[Exception]
) -> None:
    del builds
    with pytest.raises(error):
        await tree.root.make_symlink("foo", target, OWNER)


async def test_another_environments_build_is_refused(house: House, tree: Tree, builds: list[BuildName]) -> None:
    other = house.content.add_build("bar", "bar", uid=1000)
    with pytest.raises(ForbiddenError, match="is a build of bar"):
        await tree.root.make_symlink("foo", str(other), OWNER)
    assert house.calls == []
    del builds


async def test_only_the_owner_and_root_roll_back(house: House, tree: Tree, builds: list[BuildName]) -> None:
    with pytest.raises(PermissionError):
        await tree.root.make_symlink("foo", str(builds[0]), STRANGER)
    await tree.root.make_symlink("foo", str(builds[0]), ROOT)
    assert len(house.calls) == 1


async def test_only_an_environments_name_can_be_pointed_at_a_build(tree: Tree, builds: list[BuildName]) -> None:
    await tree.root.make_symlink("tmp", str(builds[0]), OWNER)
    for name in ("stable", ".specs", str(builds[0])):
        with pytest.raises(ForbiddenError):
            await tree.root.rename("tmp", tree.root, name, OWNER)
    with pytest.raises(FileExistsError):
        await tree.root.rename("tmp", tree.root, "foo", OWNER, may_replace=False)
    for name in (".x", "foo@1", ".specs"):
        if name == ".x":
            continue
        with pytest.raises(PermissionError):
            await tree.root.make_symlink(name, str(builds[0]), OWNER)


async def test_removing_a_build_deletes_it(house: House, tree: Tree, builds: list[BuildName]) -> None:
    await tree.root.unlink(f"foo@{builds[0].digest.short}", OWNER)
    await tree.root.unlink(str(builds[1]), OWNER)
    assert [call[1] for call in house.calls] == [str(builds[0]), str(builds[1])]
    with pytest.raises(ForbiddenError):
        await tree.root.unlink(str(builds[2]), OWNER)


async def test_removing_a_build_in_the_making_cancels_it(house: House, tree: Tree) -> None:
    build = house.content.add_build("bar", "bar", state=BuildState.QUEUED)
    house.content.by_name["bar"] = dataclasses.replace(house.content.by_name["bar"], current=None)
    await tree.root.unlink(f"bar@{build.digest.short}", OWNER)
    assert house.calls == [("delete_build", str(build))]


async def test_a_name_cannot_be_removed(tree: Tree, builds: list[BuildName]) -> None:
    del builds
    with pytest.raises(ForbiddenError, match=r"remove its file in \.specs"):
        await tree.root.unlink("foo", OWNER)
    with pytest.raises(IsADirectoryError):
        await tree.root.unlink(".specs", OWNER)
    with pytest.raises(PermissionError):
        await tree.root.remove_directory(".status")


async def test_nothing_else_can_be_made_in_the_root(tree: Tree) -> None:
    for attempt in (
        tree.root.create("foo.yaml", 0o644, os.O_WRONLY, OWNER),
        tree.root.make_file("foo.yaml", 0o644, OWNER),
        tree.root.make_directory("foo", 0o755, OWNER),
    ):
        with pytest.raises(PermissionError):
            await attempt
