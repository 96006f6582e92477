"""The processes that read for the daemon: right bytes for many at once, and what happens when one dies."""

import errno
import gc
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import trio

from condafs.export.layout import IndexWriter
from condafs.export.member import Source, whole
from condafs.export.pool import KNOWN_ARCHIVES, MAX_READ_BYTES, Archive, ReaderPool, Stretch


def archive_of(directory: Path, content: bytes) -> Archive:
    """A file in an archive: the file's bytes and some literals."""
    directory.mkdir()
    path = directory / "file"
    path.write_bytes(content)
    found = path.stat()
    writer = IndexWriter()
    writer.add([b"before ", *whole(Source("file", found.st_size, found.st_mtime_ns)), b" after"])
    writer.write(directory / "index")
    return Archive(directory / "index", directory)


@pytest.fixture
async def pool() -> AsyncIterator[ReaderPool]:
    """Of two; no process of it is left."""
    made = ReaderPool(2)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(made.run)
        yield made
        nursery.cancel_scope.cancel()
    gc.collect()


async def test_parts_are_put_together(pool: ReaderPool, tmp_path: Path) -> None:
    archive = archive_of(tmp_path / "a", b"0123456789")
    view = await pool.read([b"<", Stretch(archive, 5, 6), b"|", Stretch(archive, 0, 0), Stretch(archive, 15, 8), b">"])
    assert bytes(view) == b"<e 0123|89 after>"


async def test_many_read_at_once(pool: ReaderPool, tmp_path: Path) -> None:
    contents = [bytes([number]) * 300_000 for number in range(3)]
    archives = [archive_of(tmp_path / str(number), content) for number, content in enumerate(contents)]

    async def read(number: int) -> None:
        for offset in range(0, 300_000, 50_000):
            view = await pool.read([Stretch(archives[number], 7 + offset, 50_000)])
            assert bytes(view) == contents[number][offset : offset + 50_000]
            del view  # whoever keeps one and waits for the next could wait for ever

    with trio.fail_after(30):
        async with trio.open_nursery() as nursery:
            for number in range(30):
                nursery.start_soon(read, number % 3)


async def test_more_archives_than_a_worker_knows(pool: ReaderPool, tmp_path: Path) -> None:
    archives = [archive_of(tmp_path / str(n), str(n).encode()) for n in range(KNOWN_ARCHIVES * 2 + 3)]
    for _ in range(2):
        for number, archive in enumerate(archives):
            text = b"before %d after" % number
            assert bytes(await pool.read([Stretch(archive, 0, len(text))])) == text


async def test_the_largest_read_and_one_that_waits_for_its_place(pool: ReaderPool, tmp_path: Path) -> None:
    archive = archive_of(tmp_path / "a", bytes(3 * MAX_READ_BYTES))
    held = [await pool.read([Stretch(archive, 7, MAX_READ_BYTES)]) for _ in range(4)]
    with trio.move_on_after(0.2) as scope:
        await pool.read([Stretch(archive, 7, 10)])
    assert scope.cancelled_caught
    held.pop()
    with trio.fail_after(10):
        assert bytes(await pool.read([Stretch(archive, 0, 6)])) == b"before"


async def test_a_changed_file_is_an_error_of_that_read_alone(
    pool: ReaderPool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    archive = archive_of(tmp_path / "build-foo", b"0123456789")
    os.truncate(tmp_path / "build-foo/file", 3)
    with pytest.raises(OSError, match="build-foo") as caught:
        await pool.read([Stretch(archive, 0, 20)])
    assert caught.value.errno == errno.EIO
    assert "build-foo" in caplog.text
    assert "file: it was changed" in caplog.text
    assert bytes(await pool.read([Stretch(archive, 0, 6)])) == b"before"


async def test_a_process_that_is_killed_is_replaced(pool: ReaderPool, tmp_path: Path) -> None:
    archive = archive_of(tmp_path / "a", b"0123456789")
    await pool.read([Stretch(archive, 0, 6)])
    (worker,) = pool._idle
    worker.process.kill()
    await worker.process.wait()
    assert bytes(await pool.read([Stretch(archive, 0, 6)])) == b"before"


async def test_who_gives_up_leaves_nothing_behind(pool: ReaderPool, tmp_path: Path) -> None:
    archive = archive_of(tmp_path / "a", bytes(MAX_READ_BYTES))
    for _ in range(10):
        with trio.move_on_after(0):
            await pool.read([Stretch(archive, 0, MAX_READ_BYTES)])
    gc.collect()
    with trio.fail_after(10):
        assert bytes(await pool.read([Stretch(archive, 0, 6)])) == b"before"


async def test_nothing_is_left_running_at_the_end(tmp_path: Path) -> None:
    archive = archive_of(tmp_path / "a", b"x")
    async with trio.open_nursery() as nursery:
        pool = ReaderPool(1)
        nursery.start_soon(pool.run)
        await pool.read([Stretch(archive, 0, 6)])
        (worker,) = pool._idle
        nursery.cancel_scope.cancel()
    assert worker.process.returncode is not None
