"""Indexes on disk: made once however many wait, made anew when damaged, removed when nobody needs them."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from condafs.errors import MachineError
from condafs.export.index import LAYERS, TAR
from condafs.export.layouts import Layouts, read_layers
from condafs.names import BuildName
from condafs.prefix.inventory import write_inventory

BUILD = BuildName.parse("a" * 64 + "-foo")


@pytest.fixture
def prefix(tmp_path: Path) -> Path:
    """A build with one file that no package has."""
    path = tmp_path / "builds" / str(BUILD)
    path.mkdir(parents=True)
    (path / "file").write_text("content")
    write_inventory(path)
    return path


@pytest.fixture
async def layouts(tmp_path: Path, prefix: Path) -> AsyncIterator[Layouts]:
    """Of that build."""
    async with trio.open_nursery() as nursery:
        yield Layouts(tmp_path / "builds", tmp_path / "exports", nursery)
        nursery.cancel_scope.cancel()


async def test_both_indexes_are_made_at_first_need(layouts: Layouts) -> None:
    archive = await layouts.open(BUILD, TAR)
    assert archive.index.size_bytes > 1024
    made = (layouts.directory(BUILD) / LAYERS).stat().st_mtime_ns
    await layouts.open(BUILD, LAYERS)
    assert (layouts.directory(BUILD) / LAYERS).stat().st_mtime_ns == made
    assert [layer.comment for layer in read_layers(layouts.directory(BUILD) / LAYERS)] == ["the environment"]


async def test_many_wait_for_one_process(layouts: Layouts) -> None:
    jobs = {id(layouts.begin(BUILD)) for _ in range(10)}
    assert len(jobs) == 1
    async with trio.open_nursery() as nursery:
        for _ in range(10):
            nursery.start_soon(layouts.open, BUILD, TAR)


@pytest.mark.parametrize("damage", [b"", b"no index\n", b'{"version": 0}\n'])
async def test_a_damaged_index_is_made_anew(layouts: Layouts, damage: bytes) -> None:
    size = (await layouts.open(BUILD, TAR)).index.size_bytes
    (layouts.directory(BUILD) / TAR).write_bytes(damage)
    assert (await layouts.open(BUILD, TAR)).index.size_bytes == size


async def test_a_damaged_build_is_an_error_that_says_what_is_missing(layouts: Layouts, prefix: Path) -> None:
    (prefix / "conda-meta/condafs/inventory").unlink()
    for _ in range(2):
        with pytest.raises(MachineError, match=r"foo cannot be exported: .*inventory"):
            await layouts.open(BUILD, TAR)
    assert not layouts.directory(BUILD).exists()
    assert not list(layouts.directory(BUILD).parent.glob(".making-*"))


async def test_what_a_crash_left_is_swept(layouts: Layouts) -> None:
    await layouts.open(BUILD, TAR)
    for name in (".making-xyz", "b" * 64 + "-gone", "base-abc"):
        (layouts.directory(BUILD).parent / name).mkdir()
    layouts.sweep(lambda name: name == str(BUILD))
    assert [path.name for path in layouts.directory(BUILD).parent.iterdir()] == [str(BUILD)]
    layouts.remove(BUILD)
    assert not layouts.directory(BUILD).exists()
