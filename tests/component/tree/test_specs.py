"""`.specs`: what is kept, what is refused, and when a file becomes a submission."""

import errno
import os
import stat

import pytest

from condafs.errors import SpecificationError
from condafs.tree.node import Caller, Changes, Directory, File, Handle, Link, Node, Opened
from condafs.tree.tree import Tree
from tests.component.tree.house import House

ME = Caller(1000, 100)
WRITE = os.O_WRONLY


@pytest.fixture
async def specs(tree: Tree) -> Directory:
    """The directory."""
    node = await tree.root.child(".specs")
    assert isinstance(node, Directory)
    return node


async def write(specs: Directory, name: str, *parts: bytes, refused: bool = False) -> File:
    """As cp does it: create, write, flush, release."""
    file, handle = await specs.create(name, 0o644, WRITE, ME)
    offset = 0
    for part in parts:
        offset += await handle.write(offset, part)
    await close(handle, refused=refused)
    return file


async def close(handle: Handle, *, refused: bool = False) -> None:
    if refused:
        with pytest.raises(SpecificationError):
            await handle.flush()
    else:
        await handle.flush()
    await handle.release()


async def node_of(specs: Directory, name: str) -> Node:
    node = await specs.child(name)
    assert node is not None
    return node


async def read(specs: Directory, name: str) -> bytes:
    node = await specs.child(name)
    assert isinstance(node, File)
    handle = await node.open(os.O_RDONLY)
    content = await handle.read(0, 1 << 20)
    await handle.release()
    return content


def submissions(house: House) -> list[tuple[str, ...]]:
    return [call[1:3] for call in house.calls if call[0] == "submit"]


async def test_a_written_file_is_submitted_when_it_is_released(house: House, tree: Tree, specs: Directory) -> None:
    _, handle = await specs.create("foo.yaml", 0o644, WRITE, ME)
    await handle.write(0, b"name: foo\n")
    await handle.flush()
    await tree.settled()
    assert submissions(house) == []
    await handle.release()
    await tree.settled()
    assert house.calls == [("submit", "foo.yaml", "name: foo\n", "1000")]


async def test_flushes_on_half_of_the_content_submit_nothing(house: House, tree: Tree, specs: Directory) -> None:
    _, handle = await specs.create("foo.yaml", 0o644, WRITE, ME)
    await handle.flush()
    for offset in range(3):
        await handle.write(offset, b"x")
        await handle.flush()
    await tree.settled()
    assert house.calls == []
    await handle.release()
    await tree.settled()
    assert submissions(house) == [("foo.yaml", "xxx")]


async def test_content_that_cannot_stand_is_refused_at_flush_and_kept(
    house: House, tree: Tree, specs: Directory
) -> None:
    await write(specs, "foo.yaml", b"BAD: 1\n", refused=True)
    await tree.settled()
    assert await read(specs, "foo.yaml") == b"BAD: 1\n"
    assert b"foo.yaml is bad" in await read(specs, "foo.yaml.error")
    assert "foo.yaml.error" in await specs.names()
    assert submissions(house) == [("foo.yaml", "BAD: 1\n")]


async def test_the_message_disappears_when_the_file_is_mended(tree: Tree, specs: Directory) -> None:
    await write(specs, "foo.yaml", b"BAD", refused=True)
    handle = await (await file_of(specs, "foo.yaml")).open(WRITE | os.O_TRUNC)
    await handle.write(0, b"good")
    await close(handle)
    await tree.settled()
    assert await specs.child("foo.yaml.error") is None
    assert await specs.names() == ["foo.yaml"]


async def file_of(specs: Directory, name: str) -> File:
    node = await specs.child(name)
    assert isinstance(node, File)
    return node


async def test_the_message_is_for_whom_the_file_is(specs: Directory) -> None:
    file, handle = await specs.create("foo.yaml", 0o600, WRITE, ME)
    await handle.write(0, b"BAD")
    await close(handle, refused=True)
    attributes = (await node_of(specs, "foo.yaml.error")).attributes()
    assert (stat.S_IMODE(attributes.mode), attributes.uid, attributes.gid) == (0o400, 1000, 100)
    assert stat.S_IMODE(file.attributes().mode) == 0o600


async def test_a_removed_message_stays_away_until_the_next_one(tree: Tree, specs: Directory) -> None:
    await write(specs, "foo.yaml", b"BAD", refused=True)
    await tree.settled()
    await specs.unlink("foo.yaml.error", ME)
    assert await specs.child("foo.yaml.error") is None
    with pytest.raises(FileNotFoundError):
        await specs.unlink("foo.yaml.error", ME)
    handle = await (await file_of(specs, "foo.yaml")).open(WRITE | os.O_TRUNC)
    await handle.write(0, b"BAD again")
    await close(handle, refused=True)
    assert b"BAD again" in await read(specs, "foo.yaml.error")


async def test_names_of_messages_are_taken(specs: Directory) -> None:
    await write(specs, "other", b"x")
    with pytest.raises(PermissionError):
        await specs.create("foo.yaml.error", 0o644, WRITE, ME)
    with pytest.raises(PermissionError):
        await specs.rename("other", specs, "foo.yaml.error", ME)
    await write(specs, "readme.error", b"not beside a specification")


@pytest.mark.parametrize("name", [".foo.yaml.swp", "sedAbCdEf", "foo.yaml~", ".foo.yaml.Xy12Zz", "note", "foo\n.yaml"])
async def test_temporary_files_are_kept_and_nothing_more(house: House, tree: Tree, specs: Directory, name: str) -> None:
    await write(specs, name, b"BAD")
    await tree.settled()
    assert house.calls == []
    assert await read(specs, name) == b"BAD"


async def test_a_file_renamed_into_place_is_submitted(house: House, tree: Tree, specs: Directory) -> None:
    await write(specs, "sedAbCdEf", b"good")
    await specs.rename("sedAbCdEf", specs, "foo.yaml", ME)
    await tree.settled()
    assert submissions(house) == [("foo.yaml", "good")]
    assert await specs.names() == ["foo.yaml"]


async def test_what_cannot_stand_is_not_renamed_into_place(house: House, tree: Tree, specs: Directory) -> None:
    await write(specs, "foo.yaml", b"good")
    await write(specs, "sedAbCdEf", b"BAD")
    with pytest.raises(SpecificationError):
        await specs.rename("sedAbCdEf", specs, "foo.yaml", ME)
    await tree.settled()
    assert await read(specs, "foo.yaml") == b"good"
    assert await read(specs, "sedAbCdEf") == b"BAD"
    assert len(submissions(house)) == 1


async def test_a_renamed_specification_moves_its_claim(house: House, tree: Tree, specs: Directory) -> None:
    await write(specs, "foo.yaml", b"good")
    await tree.settled()
    await specs.rename("foo.yaml", specs, "bar.yaml", ME)
    assert house.calls[-1] == ("rename", "foo.yaml", "bar.yaml")
    await specs.rename("bar.yaml", specs, "bar.yaml.off", ME)
    await tree.settled()
    assert house.calls[-1] == ("retire", "bar.yaml")


async def test_a_removed_specification_is_retired(house: House, tree: Tree, specs: Directory) -> None:
    await write(specs, "foo.yaml", b"good")
    await tree.settled()
    await specs.unlink("foo.yaml", ME)
    await tree.settled()
    assert house.calls[-1] == ("retire", "foo.yaml")
    assert await specs.child("foo.yaml") is None


async def test_a_file_removed_while_it_is_written_is_never_submitted(
    house: House, tree: Tree, specs: Directory
) -> None:
    file, handle = await specs.create("foo.yaml", 0o644, WRITE, ME)
    await handle.write(0, b"good")
    await specs.unlink("foo.yaml", ME)
    assert file.attributes().size_bytes == 4
    await close(handle)
    await tree.settled()
    assert submissions(house) == []
    with pytest.raises(OSError, match="Stale"):
        file.attributes()


async def test_a_file_that_was_renamed_over_is_looked_up_anew_by_who_opens_it(specs: Directory) -> None:
    await write(specs, "notes.md", b"old")
    old = await file_of(specs, "notes.md")
    await write(specs, "draft.md", b"new")
    await specs.rename("draft.md", specs, "notes.md", ME)
    with pytest.raises(OSError, match="Stale") as caught:  # ENOENT would reach the user, whatever stands there now
        await old.open(os.O_RDONLY)
    assert caught.value.errno == errno.ESTALE


async def test_git_replaces_a_file_by_removing_it_first(house: House, tree: Tree, specs: Directory) -> None:
    await write(specs, "foo.yaml", b"one")
    await tree.settled()
    await specs.unlink("foo.yaml", ME)
    await write(specs, "foo.yaml", b"two")
    await tree.settled()
    assert submissions(house) == [("foo.yaml", "one"), ("foo.yaml", "two")]
    assert len(house.calls) == 2


async def test_replacing_a_file_in_two_steps_never_hides_its_environment(
    tree: Tree, house: House, specs: Directory
) -> None:
    await write(specs, "foo.yaml", b"one")
    await tree.settled()
    await specs.unlink("foo.yaml", ME)
    await write(specs, "foo.yaml", b"BAD", refused=True)
    assert "foo" in await tree.root.names()
    await tree.settled()
    assert ("retire", "foo.yaml") not in house.calls


async def test_who_asks_for_the_environment_of_a_removed_file_waits_for_what_becomes_of_it(
    tree: Tree, specs: Directory
) -> None:
    await write(specs, "foo.yaml", b"one")
    await tree.settled()
    link = await tree.root.child("foo")
    assert isinstance(link, Link)
    assert await link.target()
    await specs.unlink("foo.yaml", ME)
    with pytest.raises(OSError, match="Stale") as caught:  # the kernel looks it up again, which waits
        await link.target()
    assert caught.value.errno == errno.ESTALE
    await tree.root.child("foo")
    with pytest.raises(FileNotFoundError):
        await link.target()
    assert "foo" not in await tree.root.names()


async def test_an_environment_moves_to_another_file_in_two_steps(tree: Tree, house: House, specs: Directory) -> None:
    await write(specs, "foo.yaml", b"one")
    await tree.settled()
    await specs.unlink("foo.yaml", ME)
    await write(specs, "bar.yaml", b"one")
    await tree.settled()
    assert [call[:2] for call in house.calls][1:] == [("retire", "foo.yaml"), ("submit", "bar.yaml")]


async def test_only_the_last_of_several_writers_submits(house: House, tree: Tree, specs: Directory) -> None:
    file, first = await specs.create("foo.yaml", 0o644, WRITE, ME)
    second = await file.open(WRITE)
    await first.write(0, b"one")
    await close(first)
    await tree.settled()
    assert submissions(house) == []
    await second.write(3, b"two")
    await close(second)
    await tree.settled()
    assert submissions(house) == [("foo.yaml", "onetwo")]


@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_RDWR])
async def test_opening_without_writing_submits_nothing(house: House, tree: Tree, specs: Directory, flags: int) -> None:
    await write(specs, "foo.yaml", b"good")
    await tree.settled()
    await close(await (await file_of(specs, "foo.yaml")).open(flags))
    await (await node_of(specs, "foo.yaml")).change(Changes(permissions=0o640, uid=7))
    await tree.settled()
    assert [call[0] for call in house.calls] == ["submit", "give"]


async def test_touching_asks_for_another_try(house: House, tree: Tree, specs: Directory) -> None:
    await write(specs, "foo.yaml", b"good")
    await tree.settled()
    await (await node_of(specs, "foo.yaml")).change(Changes(mtime_ns=10**18))
    await tree.settled()
    assert house.calls[-1] == ("retry", "foo.yaml")


async def test_touching_what_was_refused_submits_it_again(house: House, tree: Tree, specs: Directory) -> None:
    await write(specs, "foo.yaml", b"BAD", refused=True)
    await tree.settled()
    await (await node_of(specs, "foo.yaml")).change(Changes(mtime_ns=10**18))
    await tree.settled()
    assert submissions(house) == [("foo.yaml", "BAD")] * 2


async def test_times_set_while_writing_ask_for_nothing(house: House, tree: Tree, specs: Directory) -> None:
    file, handle = await specs.create("foo.yaml", 0o644, WRITE, ME)
    await handle.write(0, b"good")
    await file.change(Changes(mtime_ns=10**18), handle)
    await close(handle)
    await tree.settled()
    assert house.calls == [("submit", "foo.yaml", "good", "1000")]
    assert file.attributes().mtime_ns == 10**18


async def test_a_file_truncated_by_its_name_is_submitted(house: House, tree: Tree, specs: Directory) -> None:
    file = await write(specs, "foo.yaml", b"good and long")
    await tree.settled()
    await file.change(Changes(size_bytes=4))
    await tree.settled()
    assert submissions(house)[-1] == ("foo.yaml", "good")


@pytest.mark.parametrize("content", [b" \n\n", bytes(100)])
async def test_blank_content_is_a_file_in_the_making(
    house: House, tree: Tree, specs: Directory, content: bytes
) -> None:
    file = await write(specs, "foo.yaml", content)
    await specs.make_file("bar.yaml", 0o644, ME)
    await file.change(Changes(size_bytes=0))
    await tree.settled()
    assert house.calls == []


async def test_another_name_for_a_file_is_submitted_as_well(house: House, tree: Tree, specs: Directory) -> None:
    file = await write(specs, "draft", b"good")
    await specs.make_link(file, "foo.yaml", ME)
    await tree.settled()
    assert submissions(house) == [("foo.yaml", "good")]
    assert await specs.child("foo.yaml") is file
    assert file.attributes().link_count == 2


async def test_renaming_one_name_of_a_file_onto_another_does_nothing(
    house: House, tree: Tree, specs: Directory
) -> None:
    file = await write(specs, "foo.yaml", b"good")
    await specs.make_link(file, "bar", ME)
    await tree.settled()
    await specs.rename("foo.yaml", specs, "bar", ME)
    assert await specs.names() == ["bar", "foo.yaml"]
    assert len(house.calls) == 1


async def test_a_rename_that_must_not_replace_does_not(specs: Directory) -> None:
    await write(specs, "one", b"1")
    await write(specs, "two", b"2")
    with pytest.raises(FileExistsError):
        await specs.rename("one", specs, "two", ME, may_replace=False)
    assert await read(specs, "two") == b"2"


async def test_a_directory_can_be_made_durable(specs: Directory, tree: Tree) -> None:
    await specs.sync()
    await tree.root.sync()


async def test_directories_are_kept_and_their_files_are_no_specifications(
    house: House, tree: Tree, specs: Directory
) -> None:
    directory = await specs.make_directory(".git", 0o755, ME)
    await write(directory, "foo.yaml", b"BAD")
    with pytest.raises(OSError, match=os.strerror(errno.ENOTEMPTY)):
        await specs.remove_directory(".git")
    await specs.rename(".git", specs, "git", ME)
    assert await read(directory, "foo.yaml") == b"BAD"
    await tree.settled()
    assert house.calls == []
    with pytest.raises(SpecificationError):
        await directory.rename("foo.yaml", specs, "foo.yaml", ME)
    await directory.unlink("foo.yaml", ME)
    await specs.remove_directory("git")
    assert await specs.names() == []


async def test_a_file_moved_up_is_submitted_and_moved_down_is_retired(
    house: House, tree: Tree, specs: Directory
) -> None:
    directory = await specs.make_directory("sub", 0o755, ME)
    await write(directory, "foo.yaml", b"good")
    await directory.rename("foo.yaml", specs, "foo.yaml", ME)
    await tree.settled()
    await specs.rename("foo.yaml", directory, "foo.yaml", ME)
    await tree.settled()
    assert [call[:2] for call in house.calls] == [("submit", "foo.yaml"), ("retire", "foo.yaml")]


async def test_a_link_is_never_a_specification(specs: Directory) -> None:
    link = await specs.make_symlink("shadow", "/etc/shadow", ME)
    assert await link.target() == "/etc/shadow"
    with pytest.raises(PermissionError):
        await specs.make_symlink("foo.yaml", "/etc/shadow", ME)
    with pytest.raises(PermissionError):
        await specs.rename("shadow", specs, "foo.yaml", ME)
    with pytest.raises(PermissionError):
        await specs.make_link(link, "foo.yaml", ME)
    assert isinstance(await specs.child("shadow"), Link)


async def test_owner_and_mode_survive_a_restart(house: House, specs: Directory, tree: Tree) -> None:
    file = await write(specs, "foo.yaml", b"good")
    await file.change(Changes(uid=7, gid=8, permissions=0o604))
    again = await Tree(house.settings, house, house, house, house, house).root.child(".specs")
    assert isinstance(again, Directory)
    attributes = (await node_of(again, "foo.yaml")).attributes()
    assert (attributes.uid, attributes.gid, stat.S_IMODE(attributes.mode)) == (7, 8, 0o604)
    underneath = (house.settings.specs / "foo.yaml").stat()
    assert (underneath.st_uid, stat.S_IMODE(underneath.st_mode)) == (os.geteuid(), 0o600)
    del tree


async def test_files_can_be_made_where_none_can_be_without_a_name(
    specs: Directory, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened = os.open

    def refuse_nameless(path: str, flags: int, *rest: int) -> int:
        if flags & os.O_TMPFILE == os.O_TMPFILE:
            raise OSError(errno.EOPNOTSUPP, os.strerror(errno.EOPNOTSUPP))  # as NFS and FUSE do
        return opened(path, flags, *rest)

    def full(*_: object, **__: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, "open", refuse_nameless)
    with monkeypatch.context() as patch:
        patch.setattr(os, "setxattr", full)
        with pytest.raises(OSError, match="space"):
            await specs.make_file("half.yaml", 0o644, ME)
    assert "half.yaml" not in await specs.names()
    file = await write(specs, "foo.yaml", b"good")
    link = await specs.make_symlink("link", "foo.yaml", ME)
    monkeypatch.undo()
    assert (file.attributes().uid, await link.target()) == (ME.uid, "foo.yaml")
    with pytest.raises(FileExistsError):
        await specs.make_file("foo.yaml", 0o644, ME)


async def test_a_set_group_id_directory_hands_its_group_down(specs: Directory) -> None:
    directory = await specs.make_directory("shared", 0o775, ME)
    await directory.change(Changes(gid=50, permissions=0o2775))
    file = await write(directory, "file", b"x")
    inner = await directory.make_directory("inner", 0o755, ME)
    assert file.attributes().gid == 50
    assert (inner.attributes().gid, inner.attributes().mode & stat.S_ISGID) == (50, stat.S_ISGID)


async def test_a_number_underneath_that_is_used_again_is_another_file(specs: Directory) -> None:
    old, handle = await specs.create("one", 0o644, WRITE, ME)
    key = old.key
    await specs.unlink("one", ME)
    await handle.release()
    new = await write(specs, "two", b"x")
    assert new is not old
    assert old.key not in {key, new.key}


async def test_files_that_only_their_maker_could_explain_are_not_shown(house: House, specs: Directory) -> None:
    os.mkfifo(house.settings.specs / "pipe.yaml")
    assert await specs.child("pipe.yaml") is None


async def test_a_failing_intake_costs_that_file_only(
    house: House, tree: Tree, specs: Directory, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def fail(*_arguments: object) -> None:
        raise RuntimeError

    with monkeypatch.context() as patch:
        patch.setattr(house, "submit", fail)
        await write(specs, "foo.yaml", b"good")
        await tree.settled()
    assert "touch it to try again" in caplog.text
    await (await node_of(specs, "foo.yaml")).change(Changes(mtime_ns=10**18))
    await tree.settled()
    assert submissions(house) == [("foo.yaml", "good")]


async def test_a_thousand_files_at_once_are_all_submitted(house: House, tree: Tree, specs: Directory) -> None:
    for number in range(1000):
        await write(specs, f"e{number}.yaml", b"name: %d" % number)
    await tree.settled()
    assert len(submissions(house)) == 1000


async def reopened(file: File, flags: int, *, has_written: bool = False) -> Handle:
    return await file.reopen(Opened(flags, has_written=has_written))


async def test_what_is_opened_again_and_never_used_keeps_nobody_waiting(
    house: House, tree: Tree, specs: Directory
) -> None:
    file = await specs.make_file("foo.yaml", 0o644, ME)
    await reopened(file, WRITE | os.O_CREAT | os.O_TRUNC)
    handle = await reopened(file, WRITE | os.O_CREAT | os.O_TRUNC)
    handle.go_on()
    await handle.write(0, b"name: foo\n")
    await close(handle)
    await tree.settled()
    assert submissions(house) == [("foo.yaml", "name: foo\n")]


async def test_what_is_opened_again_and_used_is_waited_for(house: House, tree: Tree, specs: Directory) -> None:
    file = await write(specs, "foo.yaml", b"name: foo\n")
    await tree.settled()
    first = await reopened(file, WRITE, has_written=True)
    first.go_on()
    first.go_on()
    await write_over(file, b"name: bar\n")
    await tree.settled()
    assert len(submissions(house)) == 1
    await first.release()
    await tree.settled()
    assert submissions(house)[1:] == [("foo.yaml", "name: bar\n")]


async def write_over(file: File, content: bytes) -> None:
    handle = await file.open(WRITE)
    await handle.write(0, content)
    await close(handle)


async def test_a_directory_that_was_made_and_given_to_nobody_is_given_when_it_is_asked_for_again(
    house: House, specs: Directory
) -> None:
    (house.settings.specs / "below").mkdir(mode=0o700)  # and the daemon was killed
    made = await specs.make_directory("below", 0o750, ME)
    assert made.attributes().mode == stat.S_IFDIR | 0o750
    assert (made.attributes().uid, made.attributes().gid) == (1000, 100)
    with pytest.raises(FileExistsError):
        await specs.make_directory("below", 0o777, Caller(1001, 100))
    assert made.attributes().uid == 1000
