"""Who may do what in the tree where the kernel cannot tell, and what is kept of modes, owners and links."""

import errno
import os
import stat
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import trio

from condafs.catalog.records import BuildState, UsageRecord
from condafs.config import sharing
from condafs.config.quotas import Limits
from condafs.errors import MachineError, NotYoursError, QuotaError
from condafs.tree import tree as module
from condafs.tree.node import Caller, Changes, Directory, File, Link
from condafs.tree.specs import owner
from condafs.tree.specs.owner import Owner, is_link, read_link, write_owner
from condafs.tree.tree import Tree
from tests.component.tree.house import House, directory, make_tree

ANN, BOB, ROOT = Caller(1000, 100), Caller(1001, 100), Caller(0, 0)


@pytest.fixture
async def shared(house: House, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Tree]:
    """A tree that others see, whose group is 990."""
    monkeypatch.setattr(sharing, "_find_group", {"condafs": 990}.get)
    house.settings = replace(house.settings, allow_other=True)
    tree = make_tree(house)
    async with trio.open_nursery() as nursery:
        await nursery.start(tree.run)
        yield tree
        nursery.cancel_scope.cancel()


async def write(specs: Directory, name: str, who: Caller = ANN, content: bytes = b"good", mode: int = 0o644) -> File:
    file, handle = await specs.create(name, mode, os.O_WRONLY, who)
    await handle.write(0, content)
    await handle.release()
    return file


async def test_what_is_written_to_is_the_groups(shared: Tree) -> None:
    for node in (shared.root, await directory(shared, ".specs"), await directory(shared, ".logs")):
        found = node.attributes()
        assert (stat.S_IMODE(found.mode), found.gid) == (0o3775, 990)
    assert (await directory(shared, ".status")).attributes().mode & 0o7777 == 0o755


async def test_files_are_never_writable_for_others_and_lend_nobodys_rights(shared: Tree) -> None:
    specs = await directory(shared, ".specs")
    file = await write(specs, "foo.yaml", mode=0o666)
    made = await specs.make_directory("d", 0o777, ANN)
    assert [stat.S_IMODE(node.attributes().mode) for node in (file, made)] == [0o644, 0o2755]
    assert file.attributes().gid == made.attributes().gid == 990
    for node in (file, made):
        await node.change(Changes(permissions=0o7777))
    assert [stat.S_IMODE(node.attributes().mode) for node in (file, made)] == [0o755, 0o3755]


async def test_a_mount_of_ones_own_keeps_every_mode(tree: Tree) -> None:
    specs = await directory(tree, ".specs")
    assert stat.S_IMODE(specs.attributes().mode) == 0o1777
    file = await write(specs, "foo.yaml", mode=0o666)
    assert stat.S_IMODE(file.attributes().mode) == 0o666


async def test_without_the_group_the_tree_comes_up_and_only_root_may_write(
    house: House, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(sharing, "_find_group", lambda _: None)
    house.settings = replace(house.settings, allow_other=True)
    tree = make_tree(house)
    assert stat.S_IMODE((await directory(tree, ".specs")).attributes().mode) == 0o755
    assert "groupadd --system condafs" in caplog.text


def test_where_owners_cannot_be_kept_nobody_else_is_let_in(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "can_keep_owners", lambda _: False)
    make_tree(house)
    house.settings = replace(house.settings, allow_other=True)
    with pytest.raises(MachineError, match="no user attributes"):
        make_tree(house)


def test_owners_can_be_kept_with_attributes_or_by_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert owner.can_keep_owners(tmp_path)

    def refuse(*_: object) -> None:
        raise OSError(errno.ENOTSUP, "no attributes")

    monkeypatch.setattr(os, "setxattr", refuse)
    assert owner.can_keep_owners(tmp_path) == (os.geteuid() == 0)


async def test_somebody_elses_file_becomes_no_specification(house: House, tree: Tree) -> None:
    specs = await directory(tree, ".specs")
    file = await write(specs, "note", ANN)
    with pytest.raises(PermissionError):
        await specs.rename("note", specs, "foo.yaml", BOB)
    with pytest.raises(PermissionError):
        await specs.make_link(file, "foo.yaml", BOB)
    await specs.make_link(file, "other-note", BOB)
    assert house.calls == []
    await specs.rename("note", specs, "foo.yaml", ROOT)
    await tree.settled()
    assert house.calls[-1][:2] == ("submit", "foo.yaml")


async def test_a_file_of_a_stranger_is_not_let_into_place(house: House, tree: Tree) -> None:
    house.strangers = {BOB.uid}
    specs = await directory(tree, ".specs")
    await write(specs, "note", BOB)
    with pytest.raises(NotYoursError):
        await specs.rename("note", specs, "foo.yaml", BOB)
    assert "note" in await specs.names()


async def test_a_removed_name_is_kept_for_its_owner_until_that_is_decided(house: House, tree: Tree) -> None:
    specs = await directory(tree, ".specs")
    await write(specs, "foo.yaml", ANN)
    await write(specs, "note", BOB)
    await tree.settled()
    await specs.unlink("foo.yaml", ROOT)
    for attempt in (
        specs.create("foo.yaml", 0o644, os.O_WRONLY, BOB),
        specs.make_directory("foo.yaml", 0o755, BOB),
        specs.rename("note", specs, "foo.yaml", BOB),
    ):
        with pytest.raises(PermissionError):
            await attempt
    await write(specs, "foo.yaml", ANN, b"again")
    await tree.settled()
    assert [call[0] for call in house.calls] == ["submit", "submit"]
    await specs.rename("foo.yaml", specs, "aside", ANN)
    with pytest.raises(PermissionError):
        await specs.create("foo.yaml", 0o644, os.O_WRONLY, BOB)
    await tree.settled()
    await write(specs, "foo.yaml", BOB)


async def test_a_new_owner_of_a_file_is_told_and_only_a_new_one(house: House, tree: Tree) -> None:
    specs = await directory(tree, ".specs")
    file, note = await write(specs, "foo.yaml"), await write(specs, "note")
    await tree.settled()
    await file.change(Changes(uid=ANN.uid, gid=5))
    await note.change(Changes(uid=BOB.uid))
    assert [call[0] for call in house.calls] == ["submit"]
    await file.change(Changes(uid=BOB.uid))
    assert house.calls[-1] == ("give", "foo.yaml", str(BOB.uid))


async def test_a_file_that_is_touched_while_it_is_open_is_tried_again_when_it_is_closed(
    house: House, tree: Tree
) -> None:
    specs = await directory(tree, ".specs")
    file = await write(specs, "foo.yaml")
    await tree.settled()
    handle = await file.open(os.O_WRONLY)
    await file.change(Changes(mtime_ns=10**18))
    await tree.settled()
    assert [call[0] for call in house.calls] == ["submit"]
    await handle.release()
    await tree.settled()
    assert [call[0] for call in house.calls] == ["submit", "retry"]
    handle = await file.open(os.O_WRONLY)
    await file.change(Changes(mtime_ns=10**18 + 1))
    await handle.write(0, b"more")
    await handle.release()
    await tree.settled()
    assert [call[0] for call in house.calls] == ["submit", "retry", "submit"]


async def test_a_touch_that_a_quota_forbids_is_refused(house: House, tree: Tree) -> None:
    specs = await directory(tree, ".specs")
    file = await write(specs, "foo.yaml")
    await tree.settled()
    house.refuses_retries = True
    with pytest.raises(QuotaError):
        await file.change(Changes(mtime_ns=10**18))
    await tree.settled()
    assert house.calls[-1][:2] == ("retry", "foo.yaml"), "which leaves a message beside it"


async def test_what_somebody_with_a_quota_closed_before_is_counted_first(house: House, tree: Tree) -> None:
    specs = await directory(tree, ".specs")
    house.limits = {ANN.uid: Limits(environments=5)}
    await write(specs, "one.yaml")
    _, handle = await specs.create("two.yaml", 0o644, os.O_WRONLY, ANN)
    await handle.write(0, b"good")
    await handle.flush()
    assert [call[:2] for call in house.calls] == [("submit", "one.yaml")]
    await handle.release()


async def test_links_are_their_makers_and_lead_where_they_did(house: House, tree: Tree) -> None:
    specs = await directory(tree, ".specs")
    link = await specs.make_symlink(".#foo", "ann@host.1", ANN)
    found = link.attributes()
    assert (found.uid, found.mode, found.size_bytes) == (ANN.uid, stat.S_IFLNK | 0o777, len("ann@host.1"))
    assert await link.target() == "ann@host.1"
    underneath = house.settings.specs / ".#foo"
    assert not underneath.is_symlink()
    assert is_link(str(underneath), underneath.lstat())
    again = await (await directory(make_tree(house), ".specs")).child(".#foo")
    assert isinstance(again, Link)
    assert await again.target() == "ann@host.1"


async def test_links_of_older_daemons_and_of_other_filesystems_are_links(
    house: House, tree: Tree, monkeypatch: pytest.MonkeyPatch
) -> None:
    (house.settings.specs / "old").symlink_to("/somewhere")
    specs = await directory(tree, ".specs")
    old = await specs.child("old")
    assert isinstance(old, Link)
    assert await old.target() == "/somewhere"

    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOTSUP, "no attributes")

    monkeypatch.setattr(os, "setxattr", refuse)
    new = await specs.make_symlink("new", "x", ANN)
    assert await new.target() == read_link(str(house.settings.specs / "new")) == "x"
    assert (house.settings.specs / "new").is_symlink()


def test_no_file_underneath_lends_rights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise OSError(errno.ENOTSUP, "no attributes")

    monkeypatch.setattr(os, "setxattr", refuse)
    (tmp_path / "x").touch()
    write_owner(str(tmp_path / "x"), Owner(os.geteuid(), os.getegid(), 0o6755))
    assert (tmp_path / "x").stat().st_mode & 0o7777 == 0o755


async def test_the_log_of_anothers_build_stays(house: House, tree: Tree) -> None:
    build = house.content.add_build("foo", "one", state=BuildState.FAILED, uid=ANN.uid)
    (house.settings.logs / f"{build}.log").touch()
    logs = await directory(tree, ".logs")
    with pytest.raises(PermissionError):
        await logs.unlink(f"{build}.log", BOB)
    await logs.unlink(f"{build}.log", ANN)
    assert await logs.names() == []


async def test_a_link_in_passing_is_its_makers_and_gives_way_to_an_environment(house: House, tree: Tree) -> None:
    evil = house.content.add_build("evil", "evil", uid=BOB.uid)
    await tree.root.make_symlink("new", str(evil), BOB)
    with pytest.raises(PermissionError):
        await tree.root.unlink("new", ANN)
    with pytest.raises(PermissionError):
        await tree.root.rename("new", tree.root, "evil", ANN)
    node = await tree.root.child("new")
    assert isinstance(node, Link)
    assert await node.target() == str(evil)
    fresh = house.content.add_build("new", "fresh", uid=ANN.uid)
    node = await tree.root.child("new")
    assert isinstance(node, Link)
    assert await node.target() == str(fresh)
    assert node.attributes().uid == ANN.uid


async def test_what_users_have_and_may_have_can_be_read_but_is_not_listed(house: House, tree: Tree) -> None:
    house.content.used = [UsageRecord(1000, 2, 50), UsageRecord(1001)]
    house.limits = {1000: Limits(environments=2)}
    status = await directory(tree, ".status")
    assert ".quota" not in await status.names()
    quotas = await directory(tree, ".status", ".quota")
    assert await quotas.names() == ["1000"]
    text = await read(quotas, "1000")
    assert "environments: 2\nmax_environments: 2\nbuilds_today: 0\nown_bytes: 50\nused_up: " in text
    assert await read(quotas, "5") == "environments: 0\nbuilds_today: 0\nown_bytes: 0\n"
    for name in ("ann", "-1", "01", "4294967295", "²"):
        assert await quotas.child(name) is None
    assert quotas.listed("1000") is not None
    assert stat.S_IMODE(quotas.attributes().mode) == 0o755
    with pytest.raises(OSError, match="Read-only"):
        await quotas.create("7", 0o644, os.O_WRONLY, ROOT)


async def read(folder: Directory, name: str) -> str:
    node = await folder.child(name)
    assert isinstance(node, File)
    handle = await node.open(os.O_RDONLY)
    content = bytes(await handle.read(0, 1 << 16))
    assert node.attributes().size_bytes == len(content)
    return content.decode()
