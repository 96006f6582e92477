"""Archives of builds: the mount's `.tar` as it is, or in a gzip file that compresses nothing (`stored_gzip`)."""

import zlib
from enum import StrEnum
from functools import partial

from starlette.requests import Request
from starlette.responses import Response

from condafs.names import BuildName
from condafs.web.disposition import disposition
from condafs.web.house import House
from condafs.web.mounted_file import PIECE_BYTES, Content, MountedFile, serve_content
from condafs.web.ranges import Part, choose
from condafs.web.stored_gzip import BLOCK_BYTES, TRAILER_BYTES, gzip_size, span_of, trailer, wrap
from condafs.web.streaming import StreamResponse, Write

OPENING_SECONDS = 120
"""The index of a large environment that is not there yet takes some seconds; of several at once, longer."""

REMEMBERED_SUMS = 10_000
"""CRC-32 of archives; 200 bytes each."""

_PIECE = PIECE_BYTES // BLOCK_BYTES * BLOCK_BYTES


class ArchiveForm(StrEnum):
    """What an archive is sent as."""

    GZIP = "tar.gz"
    TAR = "tar"


async def serve_archive(request: Request, house: House, build: BuildName, form: ArchiveForm) -> Response:
    """A build as a tarball; the same build is the same bytes, so its digest is the entity tag."""
    house.streams.require_room()
    file = await MountedFile.open(house.mount, f"{build}.tar", OPENING_SECONDS)
    headers = {
        "etag": f'"{build.digest}.{form}"',
        "content-type": "application/x-tar" if form is ArchiveForm.TAR else "application/gzip",
        "content-disposition": disposition("attachment", f"{build.name}-{build.digest.short}.{form}"),
        "cache-control": "no-cache",
    }
    if form is ArchiveForm.TAR:
        return serve_content(request, Content.whole(file), house.streams, headers)
    total = gzip_size(file.size_bytes)
    part = choose(request.headers, total, headers["etag"], request.method)
    shown = {"accept-ranges": "bytes", **headers, **part.headers(total)}
    if request.method == "HEAD" or not part.has_body:
        file.close()
        return Response(status_code=part.status, headers=shown)
    return StreamResponse(partial(_send_gzip, file, part, house, build), status=part.status, headers=shown)


async def _send_gzip(file: MountedFile, part: Part, house: House, build: BuildName, write: Write) -> None:
    """From the first byte on, the sum is taken of what is sent; for a later part, of what is read for it, once."""
    try:
        async with house.streams.one():
            write = house.streams.counting(write)
            crc32, summed = 0, 0
            end = part.offset + part.size_bytes
            body_end = gzip_size(file.size_bytes) - TRAILER_BYTES
            offset = part.offset
            while offset < min(end, body_end):
                size = min(_PIECE, min(end, body_end) - offset)
                begin, stop = span_of(file.size_bytes, offset, size)
                content = await file.read(begin, stop - begin)
                await write(wrap(content, begin, file.size_bytes, offset, size))
                if begin <= summed < stop:
                    crc32, summed = zlib.crc32(memoryview(content)[summed - begin :], crc32), stop
                offset += size
            if end > body_end:
                known = house.archive_sums.get(build.digest)
                crc32 = await _sum(file, crc32, summed) if known is None else known
                if len(house.archive_sums) < REMEMBERED_SUMS:
                    house.archive_sums[build.digest] = crc32
                ending = trailer(crc32, file.size_bytes)
                await write(ending[max(0, part.offset - body_end) : end - body_end])
    finally:
        file.close()


async def _sum(file: MountedFile, crc32: int, offset: int) -> int:
    """CRC-32 of all, when that of what stands before `offset` is known."""
    while offset < file.size_bytes:
        content = await file.read(offset, min(PIECE_BYTES, file.size_bytes - offset))
        crc32 = zlib.crc32(content, crc32)
        offset += len(content)
    return crc32
