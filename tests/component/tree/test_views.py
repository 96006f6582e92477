"""`.status`, `.logs`, `.history`, `.exports`: the directories that are read."""

import os

import pytest
import yaml

from condafs.builder.protocol import Phase, Progress
from condafs.catalog.records import BuildState
from condafs.names import BuildName
from condafs.tree.node import Caller, Changes, Directory, File, Link
from condafs.tree.tree import Tree
from tests.component.tree.house import House, directory

ME = Caller(1000, 100)


async def content(folder: Directory, name: str) -> bytes:
    node = await folder.child(name)
    assert isinstance(node, File)
    handle = await node.open(os.O_RDONLY)
    try:
        return await handle.read(0, 1 << 20)
    finally:
        await handle.release()


async def test_status_tells_what_is_being_made(house: House, tree: Tree) -> None:
    old = house.content.add_build("foo", "old", uid=1000)
    new = house.content.add_build("foo", "new", state=BuildState.BUILDING, uid=1000)
    house.progress_of[new.digest] = Progress(Phase.FETCH, "numpy", 1, 2)
    status = await directory(tree, ".status")
    document = yaml.safe_load(await content(status, "foo"))
    assert document["state"] == "building"
    assert document["current"]["build"] == str(old)
    assert document["building"]["package"] == "numpy"
    node = await status.child("foo")
    assert node is not None
    assert (node.attributes().size_bytes, node.attributes().uid) == (len(await content(status, "foo")), 1000)


async def test_status_knows_every_file_that_was_closed_before(tree: Tree) -> None:
    specs, status = await directory(tree, ".specs"), await directory(tree, ".status")
    _, handle = await specs.create("foo.yaml", 0o644, os.O_WRONLY, ME)
    await handle.write(0, b"name: foo")
    await handle.release()
    assert yaml.safe_load(await content(status, "foo"))["state"] == "ready"
    assert await status.names() == ["foo"]


async def test_status_quotes_only_files_that_all_may_read(tree: Tree) -> None:
    specs, status = await directory(tree, ".specs"), await directory(tree, ".status")
    file, handle = await specs.create("foo.yaml", 0o644, os.O_RDWR, ME)
    await handle.write(0, b"name: foo")
    await handle.release()
    await tree.settled()
    for mode, expected in ((0o644, "BAD secret"), (0o600, "see .specs/foo.yaml.error")):
        specs_file = await specs.child("foo.yaml")
        assert specs_file is file
        handle = await file.open(os.O_WRONLY | os.O_TRUNC)
        await handle.write(0, b"BAD secret %o" % mode)
        await handle.release()
        await file.change(Changes(permissions=mode))
        assert expected in yaml.safe_load(await content(status, "foo"))["refused"]["foo.yaml"]


async def test_an_unknown_environment_has_no_status(tree: Tree) -> None:
    status = await directory(tree, ".status")
    for name in ("foo", "", "\udcff", "a b", "foo@1"):
        assert await status.child(name) is None


async def test_read_only_directories_stay_as_they_are(house: House, tree: Tree) -> None:
    house.content.add_build("foo", "one")
    for name in (".status", ".history", ".exports"):
        folder = await directory(tree, name)
        for attempt in (
            folder.create("x", 0o644, os.O_WRONLY, ME),
            folder.make_directory("x", 0o755, ME),
            folder.make_symlink("x", "y", ME),
            folder.unlink("foo", ME),
            folder.remove_directory("foo"),
            folder.rename("foo", folder, "x", ME),
        ):
            with pytest.raises(OSError, match="Read-only file system"):
                await attempt
    node = await (await directory(tree, ".status")).child("foo")
    assert isinstance(node, File)
    with pytest.raises(OSError, match="Read-only file system"):
        await node.open(os.O_WRONLY)


async def test_history_has_a_link_for_each_generation(house: House, tree: Tree) -> None:
    builds = [house.content.add_build("foo", str(number)) for number in range(11)]
    history = await directory(tree, ".history")
    assert await history.names() == ["foo"]
    generations = await history.child("foo")
    assert isinstance(generations, Directory)
    names = await generations.names()
    assert names == [f"{number}-{build.digest.short}" for number, build in enumerate(builds, 1)]
    link = await generations.child(names[3])
    assert isinstance(link, Link)
    assert await link.target() == f"../../{builds[3]}"
    assert link.attributes().size_bytes == len(await link.target())
    missing = await generations.child("1-000000000000")
    assert missing is not None
    with pytest.raises(FileNotFoundError):
        missing.attributes()


async def test_history_of_what_is_not_there_is_not_there(tree: Tree) -> None:
    history = await directory(tree, ".history")
    assert await history.child("foo") is None
    assert await history.child("\udcff") is None


def write_log(house: House, build: BuildName, text: str) -> None:
    (house.settings.logs / f"{build}.log").write_text(text)


async def test_a_log_grows_while_it_is_read(house: House, tree: Tree) -> None:
    build = house.content.add_build("foo", "one", state=BuildState.BUILDING, uid=1000)
    write_log(house, build, "queued\n")
    logs = await directory(tree, ".logs")
    assert await logs.names() == [f"{build}.log"]
    node = await logs.child(f"{build}.log")
    assert isinstance(node, File)
    handle = await node.open(os.O_RDONLY)
    write_log(house, build, "queued\nsolving\n")
    assert await handle.read(7, 100) == b"solving\n"
    assert (node.attributes().size_bytes, node.attributes().uid) == (15, 1000)
    await handle.release()


@pytest.mark.parametrize("state", [BuildState.QUEUED, BuildState.BUILDING, BuildState.WAITING])
async def test_removing_the_log_of_a_build_in_the_making_cancels_it(
    house: House, tree: Tree, state: BuildState
) -> None:
    build = house.content.add_build("foo", "one", state=state)
    write_log(house, build, "x")
    logs = await directory(tree, ".logs")
    await logs.unlink(f"{build}.log", ME)
    assert house.calls == [("cancel", str(build))]
    assert await logs.names() == [f"{build}.log"]


@pytest.mark.parametrize("state", [BuildState.READY, BuildState.FAILED, None])
async def test_removing_any_other_log_removes_it(house: House, tree: Tree, state: BuildState | None) -> None:
    build = house.content.add_build("foo", "one", state=state or BuildState.READY, uid=ME.uid)
    write_log(house, build, "x")
    if state is None:
        del house.content.builds[build.digest]
    logs = await directory(tree, ".logs")
    await logs.unlink(f"{build}.log", ME)
    assert house.calls == []
    assert await logs.names() == []
    with pytest.raises(FileNotFoundError):
        await logs.unlink(f"{build}.log", ME)


async def test_other_files_among_the_logs_are_not_shown(house: House, tree: Tree) -> None:
    (house.settings.logs / "stray.log").touch()
    logs = await directory(tree, ".logs")
    assert await logs.names() == []
    assert await logs.child("stray.log") is None
    with pytest.raises(FileNotFoundError):
        await logs.unlink("stray.log", ME)
