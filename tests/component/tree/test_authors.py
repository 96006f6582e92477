"""Who did it and on whose behalf: what the house is told for the journal, and the file that shows the journal."""

import json
import os

import pytest
import trio

from condafs.catalog.events import Author, EventKind, EventRecord
from condafs.catalog.records import BuildState
from condafs.errors import SpecificationError
from condafs.tree.node import Caller, Changes, Directory, File, Handle
from condafs.tree.tree import Tree
from tests.component.tree.house import House, directory

ANN, WEB = Caller(1000, 100), Caller(33, 33)
BY_CI = ".by=ci=ab12cd"


@pytest.fixture
async def specs(tree: Tree) -> Directory:
    """`.specs`."""
    return await directory(tree, ".specs")


async def written(specs: Directory, name: str, content: bytes, caller: Caller = ANN) -> Handle:
    """A file that is not closed yet."""
    _, handle = await specs.create(name, 0o644, os.O_WRONLY, caller)
    await handle.write(0, content)
    return handle


async def write(specs: Directory, name: str, content: bytes, caller: Caller = ANN) -> None:
    await (await written(specs, name, content, caller)).release()


async def submissions(house: House, tree: Tree) -> list[tuple[str, Author]]:
    """Content and author of each."""
    await tree.settled()
    return [(call[2], author) for call, author in zip(house.calls, house.authors, strict=True) if call[0] == "submit"]


async def test_a_file_that_is_written_in_place_is_its_owners(house: House, tree: Tree, specs: Directory) -> None:
    await write(specs, "foo.yaml", b"one")
    assert await submissions(house, tree) == [("one", Author(1000))]


async def test_what_is_written_while_the_disk_is_full_is_taken_when_there_is_room(
    house: House, tree: Tree, specs: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("condafs.tree.specs.submissions.FULL_SECONDS", 0)
    house.full = 3
    await write(specs, BY_CI, b"one", WEB)
    await specs.rename(BY_CI, specs, "foo.yaml", WEB)
    while house.full or not house.calls:
        await trio.lowlevel.checkpoint()
    assert await submissions(house, tree) == [("one", Author(33, "ci"))]


async def test_a_removal_while_the_disk_is_full_counts_when_there_is_room(
    house: House, tree: Tree, specs: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("condafs.tree.specs.submissions.FULL_SECONDS", 0)
    await write(specs, "foo.yaml", b"one")
    await tree.settled()
    house.full = 3
    await specs.unlink("foo.yaml", ANN)
    while house.full or house.calls[-1][0] != "retire":
        await trio.lowlevel.checkpoint()


async def test_a_temporary_name_says_on_whose_behalf(house: House, tree: Tree, specs: Directory) -> None:
    await write(specs, BY_CI, b"one", WEB)
    await specs.rename(BY_CI, specs, "foo.yaml", WEB)
    assert await submissions(house, tree) == [("one", Author(33, "ci"))]


async def test_who_renames_is_the_author_and_root_may_do_so(house: House, tree: Tree, specs: Directory) -> None:
    await write(specs, ".by=ann@example.org=ab12cd", b"one", ANN)
    with pytest.raises(PermissionError):
        await specs.rename(".by=ann@example.org=ab12cd", specs, "foo.yaml", WEB)
    await specs.rename(".by=ann@example.org=ab12cd", specs, "foo.yaml", Caller(0, 0))
    assert await submissions(house, tree) == [("one", Author(0, "ann@example.org"))]
    assert house.calls[-1][3] == "1000", "the owner stays the owner"


async def test_a_file_that_is_renamed_before_its_release_is_heard_of_keeps_its_label(
    house: House, tree: Tree, specs: Directory
) -> None:
    handle = await written(specs, BY_CI, b"one", WEB)
    await specs.rename(BY_CI, specs, "foo.yaml", WEB)
    assert await submissions(house, tree) == []
    await handle.release()
    assert await submissions(house, tree) == [("one", Author(33, "ci"))]


async def test_a_file_that_is_open_without_being_changed_is_submitted_when_it_is_closed(
    house: House, tree: Tree, specs: Directory
) -> None:
    await write(specs, BY_CI, b"one", WEB)
    file = await specs.child(BY_CI)
    assert isinstance(file, File)
    handle = await file.open(os.O_RDWR)
    await specs.rename(BY_CI, specs, "foo.yaml", WEB)
    await handle.release()
    assert await submissions(house, tree) == [("one", Author(33, "ci"))]


async def test_a_label_belongs_to_one_content(house: House, tree: Tree, specs: Directory) -> None:
    for label, content in (("one", b"1"), ("two", b"2")):
        await write(specs, f".by={label}=ab12cd", content, WEB)
        await specs.rename(f".by={label}=ab12cd", specs, "foo.yaml", WEB)
    first, *_ = await submissions(house, tree)
    assert first == ("2", Author(33, "two")), "the newest content with who put it there"
    file = await specs.child("foo.yaml")
    assert isinstance(file, File)
    handle = await file.open(os.O_WRONLY | os.O_TRUNC)
    await handle.write(0, b"3")
    await handle.release()
    assert (await submissions(house, tree))[-1] == ("3", Author(33)), "who writes into it next has no label"


async def test_what_is_not_let_into_place_is_told_with_its_label(house: House, tree: Tree, specs: Directory) -> None:
    await write(specs, BY_CI, b"BAD", WEB)
    with pytest.raises(SpecificationError):
        await specs.rename(BY_CI, specs, "foo.yaml", WEB)
    file = await specs.child(BY_CI)
    assert file is not None
    with pytest.raises(SpecificationError):
        await specs.make_link(file, "foo.yaml", WEB)
    await tree.settled()
    assert house.calls == [("note_refusal", "foo.yaml")] * 2
    assert house.authors == [Author(33, "ci"), Author(33)]


async def test_who_removes_or_renames_a_specification_is_told(house: House, tree: Tree, specs: Directory) -> None:
    await write(specs, "foo.yaml", b"one")
    await tree.settled()
    await specs.rename("foo.yaml", specs, "bar.yaml", WEB)
    await specs.unlink("bar.yaml", Caller(0, 0))
    await tree.settled()
    await write(specs, "foo.yaml", b"one")
    await tree.settled()
    await specs.rename("foo.yaml", specs, BY_CI, WEB)
    await tree.settled()
    told = [(call[0], author) for call, author in zip(house.calls, house.authors, strict=True) if call[0] != "submit"]
    assert told == [("rename", Author(33)), ("retire", Author(0)), ("retire", Author(33, "ci"))]


async def test_a_touch_is_the_owners(house: House, tree: Tree, specs: Directory) -> None:
    await write(specs, "foo.yaml", b"one")
    await tree.settled()
    file = await specs.child("foo.yaml")
    assert file is not None
    await file.change(Changes(mtime_ns=10**18))
    await tree.settled()
    assert (house.calls[-1], house.authors[-1]) == (("retry", "foo.yaml"), Author(1000))


@pytest.mark.parametrize("label", ["ci", "ann@example.org", "a.tar", "0" * 64])
async def test_a_roll_back_has_the_label_of_its_link(house: House, tree: Tree, label: str) -> None:
    build = house.content.add_build("foo", "one", uid=33)
    house.content.add_build("foo", "two", uid=33)
    temporary = f".by={label}=ab12cd"
    await tree.root.make_symlink(temporary, str(build), WEB)
    await tree.root.rename(temporary, tree.root, "foo", WEB)
    await tree.root.make_symlink("foo", str(build), WEB)
    assert house.authors == [Author(33, label), Author(33)]


async def test_who_deletes_and_cancels_is_told(house: House, tree: Tree) -> None:
    old = house.content.add_build("foo", "one")
    house.content.add_build("foo", "two")
    making = house.content.add_build("foo", "three", state=BuildState.BUILDING)
    (house.settings.logs / f"{making}.log").touch()
    await tree.root.unlink(str(old), ANN)
    await (await directory(tree, ".logs")).unlink(f"{making}.log", WEB)
    assert house.authors == [Author(1000), Author(33)]


async def read(folder: Directory, name: str) -> bytes:
    node = await folder.child(name)
    assert isinstance(node, File)
    handle = await node.open(os.O_RDONLY)
    return bytes(await handle.read(0, 1 << 20))


async def test_the_events_are_lines_of_json_without_what_says_nothing(house: House, tree: Tree) -> None:
    build = house.content.add_build("foo", "one")
    other = house.content.add_build("bar", "two")
    house.content.happened = [
        EventRecord(1, 0.0, EventKind.SUBMITTED, build.name, build.digest, uid=0, behalf="ci"),
        EventRecord(2, 1.5, EventKind.SUBMITTED, other.name, other.digest, uid=0),
        EventRecord(3, 86400.0, EventKind.PUBLISHED, build.name, build.digest, 4, 2),
        EventRecord(4, 86401.0, EventKind.REFUSED, build.name, uid=1000, detail="foo.yaml"),
    ]
    history = await directory(tree, ".history", "foo")
    lines = [json.loads(line) for line in (await read(history, ".events")).splitlines()]
    assert lines == [
        {
            "number": 1,
            "at": "1970-01-01T00:00:00+00:00",
            "kind": "submitted",
            "build": str(build),
            "uid": 0,
            "behalf": "ci",
        },
        {
            "number": 3,
            "at": "1970-01-02T00:00:00+00:00",
            "kind": "published",
            "build": str(build),
            "generation": 4,
            "attempts": 2,
        },
        {"number": 4, "at": "1970-01-02T00:00:01+00:00", "kind": "refused", "uid": 1000, "detail": "foo.yaml"},
    ]


async def test_the_events_are_not_listed_and_cannot_be_written(house: House, tree: Tree) -> None:
    build = house.content.add_build("foo", "one", uid=1000)
    history = await directory(tree, ".history", "foo")
    assert await history.names() == [f"1-{build.digest.short}"]
    node = await history.child(".events")
    assert isinstance(node, File)
    assert (node.attributes().uid, node.attributes().size_bytes) == (1000, 0)
    assert await read(history, ".events") == b""
    house.content.happened = [EventRecord(1, 5.0, EventKind.MOVED, build.name, build.digest, 1)]
    assert node.attributes().size_bytes == len(await read(history, ".events"))
    assert node.attributes().mtime_ns == 5 * 10**9
    with pytest.raises(OSError, match="Read-only file system"):
        await node.open(os.O_WRONLY)
    del house.content.by_name["foo"]
    with pytest.raises(FileNotFoundError):
        node.attributes()


async def test_the_events_grow_and_lose_their_oldest(house: House, tree: Tree, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("condafs.tree.events.KEPT_TEXTS", 1)
    builds = [house.content.add_build(name, name) for name in ("foo", "bar")]
    folders = [await directory(tree, ".history", name) for name in ("foo", "bar")]
    happened = [EventRecord(n, n, EventKind.MOVED, builds[n % 2].name, builds[n % 2].digest) for n in range(1, 12)]
    for first, last in ((0, 3), (0, 4), (1, 6), (1, 6), (4, 9), (10, 11)):
        house.content.happened = happened[first:last]
        for folder, build in zip(folders, builds, strict=True):
            numbers = [json.loads(line)["number"] for line in (await read(folder, ".events")).splitlines()]
            assert numbers == [event.number for event in happened[first:last] if event.name == build.name]


async def test_the_events_know_every_file_that_was_closed_before(house: House, tree: Tree, specs: Directory) -> None:
    house.content.add_build("foo", "one")
    history = await directory(tree, ".history", "foo")
    await write(specs, "foo.yaml", b"one")
    await read(history, ".events")
    assert len(house.calls) == 1
