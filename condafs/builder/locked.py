"""Exact packages of a lock or an `@EXPLICIT` list: no solving, no repodata; archives say themselves what they are."""

import asyncio
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from rattler.match_spec import MatchSpec
from rattler.networking import Client
from rattler.package_streaming import download_to_path
from rattler.platform import Subdir
from rattler.repo_data import Gateway, PackageRecord, RepoDataRecord

from condafs.builder.archives import Archive, verify_archives, verify_file
from condafs.builder.cache import Cache
from condafs.builder.failure import BuildError
from condafs.builder.protocol import FailureKind
from condafs.spec.specification import LockedPackage

CONCURRENT_DOWNLOADS = 8


async def read_locked(
    packages: Sequence[LockedPackage], cache: Cache, gateway: Gateway, on_read: Callable[[str], None]
) -> list[RepoDataRecord]:
    """The records of exact packages; archives that are not in the cache are verified and fetched into it.

    Args:
        packages: URLs and sums.
        cache: Looked into first.
        gateway: Fetches archives by their URLs.
        on_read: Told the name of each archive.

    Returns:
        Records with the SHA-256 of their archives, also where the list gives none.

    Raises:
        BuildError, rattler's errors: see `failure`.
    """
    archives = [_archive(package) for package in packages]
    refuse_two_of_a_name(archives)
    held = {archive.url for archive in archives if cache.holds(archive)}
    fresh = await asyncio.to_thread(verify_archives, [archive for archive in archives if archive.url not in held])
    turn = asyncio.Semaphore(CONCURRENT_DOWNLOADS)

    async def read(archive: Archive) -> RepoDataRecord:
        async with turn:
            record = _read_cached(archive, cache) if cache.holds(archive) else await _fetch(archive, cache, gateway)
        on_read(archive.file_name)
        return record

    return await asyncio.gather(*map(read, [*(a for a in archives if a.url in held), *fresh]))


def _archive(package: LockedPackage) -> Archive:
    sha256, md5 = (bytes.fromhex(text) if text else None for text in (package.sha256, package.md5))
    return Archive(package.url, sha256, md5)


async def _fetch(archive: Archive, cache: Cache, gateway: Gateway) -> RepoDataRecord:
    if archive.sha256 is None:
        return await _fetch_unsummed(archive, cache, gateway)
    return await _extract(archive, archive.url, cache, gateway)


async def _fetch_unsummed(archive: Archive, cache: Cache, gateway: Gateway) -> RepoDataRecord:
    """The cache knows archives by their SHA-256: where nobody says it, the archive has to be there to tell it."""
    with tempfile.TemporaryDirectory(dir=cache.drafts) as directory:
        path = Path(directory, archive.file_name)
        await download_to_path(Client.default_client(), archive.url, path)
        verified = await asyncio.to_thread(verify_file, archive, path)
        if isinstance(verified, str):
            raise BuildError(FailureKind.CHECKSUM, f"{archive.url}: {verified}")
        return await _extract(verified, path.as_uri(), cache, gateway)


async def _extract(archive: Archive, url: str, cache: Cache, gateway: Gateway) -> RepoDataRecord:
    cache.evict_unsummed(archive)
    assert archive.sha256  # noqa: S101 - see _fetch
    name = archive.distribution.rsplit("-", 2)[0]
    spec = MatchSpec(f"{name}[url='{url}', sha256='{archive.sha256.hex()}']")
    found = await gateway.query([], [Subdir("noarch")], [spec], recursive=False)
    return _complete(next(record for records in found for record in records), archive)


def _read_cached(archive: Archive, cache: Cache) -> RepoDataRecord:
    index = cache.directory_of(archive.distribution) / "info" / "index.json"
    return _complete(PackageRecord.from_index_json(index), archive)


def _complete(record: PackageRecord, archive: Archive) -> RepoDataRecord:
    """Add what an archive cannot know of itself: where it came from, and its sums."""
    record.sha256 = archive.sha256
    if archive.md5:
        record.md5 = archive.md5
    return RepoDataRecord(record, archive.file_name, archive.url, archive.url.rsplit("/", 2)[0])


def refuse_two_of_a_name(archives: Sequence[Archive]) -> None:
    """An environment has one package of a name.

    Raises:
        BuildError: BAD_SPEC, naming both.
    """
    seen: dict[str, str] = {}
    for archive in archives:
        name = archive.distribution.rsplit("-", 2)[0]
        if name in seen:
            msg = f"two packages of the name {name} are listed: {seen[name]} and {archive.file_name}"
            raise BuildError(FailureKind.BAD_SPEC, msg)
        seen[name] = archive.file_name
