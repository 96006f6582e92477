import errno
from functools import partial
from pathlib import Path

import pytest

from condafs.catalog.events import Author
from condafs.errors import ForbiddenError, InvalidNameError, NotFoundError
from condafs.filesystem.ledger import Ledger
from condafs.filesystem.once import Once
from condafs.filesystem.once import found as find_made
from condafs.names import BuildName
from condafs.tree import pins as module
from condafs.tree.node import Caller, Directory, Link
from condafs.tree.tree import Tree
from tests.component.tree.house import House

ANN = Caller(1000, 100)
ROOT = Caller(0, 0)


@pytest.fixture
def builds(house: House) -> list[BuildName]:
    return [house.content.add_build("foo", f"foo {number}") for number in range(3)]


async def pins_of(tree: Tree) -> Directory:
    found = await tree.root.child(".pins")
    assert isinstance(found, Directory)
    return found


async def test_a_link_pins_what_it_means_when_it_is_made(house: House, tree: Tree, builds: list[BuildName]) -> None:
    pins = await pins_of(tree)
    tree.mounted_at(Path("/envs"))
    targets = {
        "by-digest": f"../foo@{builds[0].digest.short}",
        "by-step": "../foo@-2",
        "by-build": f"../{builds[0]}",
        "by-history": f"../.history/foo/1-{builds[0].digest.short}",
        "by-path": f"/envs/foo@{builds[0].digest.short}",
        "in-the-root": "foo@-2",
    }
    for label, target in targets.items():
        await pins.make_symlink(label, target, ANN)
    house.content.add_build("foo", "foo 4")
    for label in targets:
        link = await pins.child(label)
        assert isinstance(link, Link)
        assert await link.target() == f"../{builds[0]}"
        assert (link.attributes().uid, link.attributes().gid) == (1000, 100)
        assert link.attributes().size_bytes == len(f"../{builds[0]}")
    assert sorted(await pins.names()) == sorted(targets)
    assert house.authors == [Author(1000)] * len(targets)


async def test_what_is_no_build_cannot_be_pinned(tree: Tree, builds: list[BuildName]) -> None:
    assert builds
    pins = await pins_of(tree)
    for target in ("../bar", "../foo@-9", "../foo@ffff", "../../etc", ".."):
        with pytest.raises((NotFoundError, InvalidNameError)):
            await pins.make_symlink("x", target, ANN)


@pytest.mark.parametrize("label", [".hidden", "a b", "a\nb", "-x", "x" * 129, "ä", "a/b"])
async def test_labels_are_words(tree: Tree, builds: list[BuildName], label: str) -> None:
    assert builds
    pins = await pins_of(tree)
    with pytest.raises(OSError, match="Invalid argument") as caught:
        await pins.make_symlink(label, "../foo", ANN)
    assert caught.value.errno == errno.EINVAL


async def test_removing_a_link_unpins(house: House, tree: Tree, builds: list[BuildName]) -> None:
    assert builds
    pins = await pins_of(tree)
    await pins.make_symlink("paper", "../foo", ANN)
    await pins.unlink("paper", ROOT)
    assert house.calls[-1] == ("unpin", "paper")
    assert house.authors[-1] == Author(0)
    with pytest.raises(FileNotFoundError):
        (await pins.child("paper")).attributes()  # type: ignore[union-attr]


async def test_a_link_can_be_moved_over_another(tree: Tree, builds: list[BuildName]) -> None:
    pins = await pins_of(tree)
    await pins.make_symlink("paper", "../foo@-2", ANN)
    await pins.make_symlink("CuAb12", "../foo", ANN)
    with pytest.raises(FileExistsError):
        await pins.rename("CuAb12", pins, "paper", ANN, may_replace=False)
    await pins.rename("CuAb12", pins, "paper", ANN)
    link = await pins.child("paper")
    assert isinstance(link, Link)
    assert await link.target() == f"../{builds[2]}"
    assert await pins.names() == ["paper"]
    with pytest.raises(PermissionError):
        await pins.rename("paper", tree.root, "paper", ANN)


async def test_nobody_pins_everything(tree: Tree, builds: list[BuildName], monkeypatch: pytest.MonkeyPatch) -> None:
    assert builds
    monkeypatch.setattr(module, "MAX_PINS", 2)
    pins = await pins_of(tree)
    for label in ("a", "b"):
        await pins.make_symlink(label, "../foo", ANN)
    with pytest.raises(OSError, match="quota"):
        await pins.make_symlink("c", "../foo", ANN)
    await pins.make_symlink("c", "../foo", ROOT)


async def test_pins_and_open_exports_are_told_by_the_status(house: House, tree: Tree, builds: list[BuildName]) -> None:
    await (await pins_of(tree)).make_symlink("paper", "../foo@-1", ANN)
    house.hold(builds[0])
    status = await tree.root.child(".status")
    assert isinstance(status, Directory)
    file = await status.child("foo")
    handle = await file.open(0)  # type: ignore[union-attr]
    text = (await handle.read(0, 10_000)).decode()  # type: ignore[union-attr]
    assert f"pins:\n  paper: {builds[1]}\n" in text
    assert f'open_exports:\n  "{builds[0]}": 1\n' in text or f"open_exports:\n  {builds[0]}: 1\n" in text


async def test_a_pin_that_is_asked_for_twice_is_made_once(tmp_path: Path, tree: Tree, builds: list[BuildName]) -> None:
    pins = await pins_of(tree)

    async def ask(once: Once) -> Link:
        pinning = partial(pins.make_symlink, "kept", f"../{builds[0]}", ANN)
        answer = partial(find_made, pins, "kept", Link)
        return await once.make(pinning, answer, "symlink", "kept", meaning=pins.meaning("kept"))

    await ask(Once(Ledger.open(tmp_path / "ledger")))  # and is killed before it answers
    after = Once(Ledger.open(tmp_path / "ledger"))
    assert await (await ask(after)).target() == f"../{builds[0]}"
    with pytest.raises(ForbiddenError):
        await ask(after)
