"""What the package cache is taken to hold."""

import fcntl
import shutil
from pathlib import Path

import pytest

from condafs.builder.archives import Archive
from condafs.builder.cache import Cache

SUM = bytes(range(32))
ARCHIVE = Archive("https://example.invalid/noarch/zz-lib-1.0-0.conda", SUM)


@pytest.fixture
def cache(tmp_path: Path) -> Cache:
    cache = Cache(tmp_path)
    cache.make()
    (cache.directory_of("zz-lib-1.0-0") / "info").mkdir(parents=True)
    return cache


def write_lock(cache: Cache, content: bytes) -> None:
    (cache.extracted / "zz-lib-1.0-0.lock").write_bytes(content)


def test_only_the_archive_with_that_sum_is_held(cache: Cache) -> None:
    assert not cache.holds(ARCHIVE)
    write_lock(cache, bytes(8) + SUM)
    assert cache.holds(ARCHIVE)
    write_lock(cache, bytes(8) + bytes(32))
    assert not cache.holds(ARCHIVE)


def test_what_came_without_a_sum_is_not_held(cache: Cache) -> None:
    write_lock(cache, bytes(8))
    assert not cache.holds(ARCHIVE)
    assert not cache.holds(Archive(ARCHIVE.url))


def test_what_came_without_a_sum_is_evicted(cache: Cache) -> None:
    write_lock(cache, bytes(8))
    cache.evict_unsummed(ARCHIVE)
    assert not cache.directory_of("zz-lib-1.0-0").exists()


def test_what_came_with_a_sum_stays(cache: Cache) -> None:
    write_lock(cache, bytes(8) + SUM)
    cache.evict_unsummed(ARCHIVE)
    assert cache.directory_of("zz-lib-1.0-0").exists()


def test_what_lost_files_is_removed_and_no_longer_held(cache: Cache) -> None:
    write_lock(cache, bytes(8) + SUM)
    cache.evict(ARCHIVE)
    assert not cache.directory_of("zz-lib-1.0-0").exists()
    assert not cache.holds(ARCHIVE)
    (cache.directory_of("zz-lib-1.0-0")).mkdir()
    assert not cache.holds(ARCHIVE)


def test_what_somebody_links_at_the_moment_is_left_alone(cache: Cache) -> None:
    write_lock(cache, bytes(8) + SUM)
    with (cache.extracted / "zz-lib-1.0-0.lock").open("rb") as linking:
        fcntl.flock(linking, fcntl.LOCK_SH)
        cache.evict(ARCHIVE)
    assert cache.directory_of("zz-lib-1.0-0").exists()


def test_a_package_that_is_gone_is_not_held(cache: Cache) -> None:
    write_lock(cache, bytes(8) + SUM)
    shutil.rmtree(cache.directory_of("zz-lib-1.0-0"))
    assert not cache.holds(ARCHIVE)


def test_nothing_is_evicted_where_nothing_is(tmp_path: Path) -> None:
    Cache(tmp_path).evict_unsummed(ARCHIVE)
    assert list(tmp_path.iterdir()) == []
