"""Archives over HTTP: a gzip file that is one, in whole and in parts."""

import gzip
import io
import os
import tarfile

import pytest

from condafs.names import BuildName
from tests.component.web.asgi import Exchange
from tests.component.web.laid import Laid
from tests.component.web.served import Served


@pytest.fixture
def build(laid: Laid) -> BuildName:
    return laid.make_ready("foo")


async def get(served: Served, build: BuildName, form: str = "tar.gz", **headers: str) -> Exchange:
    return await served.get(f"/api/v1/build/{build.digest}/archive/?format={form}", None, **headers)


async def test_an_archive_is_the_tarball_of_the_mount_in_a_gzip_file(served: Served, build: BuildName) -> None:
    found = await get(served, build)
    assert found.headers["content-length"] == str(len(found.body))
    content = gzip.decompress(found.body)
    assert content == served.laid.archives[build]
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        assert archive.getnames() == ["bin/hello"]
    assert (await get(served, build, "tar")).body == content
    assert found.headers["content-disposition"] == f'attachment; filename="foo-{build.digest.short}.tar.gz"'


@pytest.mark.parametrize("form", ["tar", "tar.gz"])
async def test_any_part_is_the_slice_of_the_whole(served: Served, build: BuildName, form: str) -> None:
    whole = (await get(served, build, form)).body
    total = len(whole)
    places = [0, 1, 9, 10, 14, 15, 65_544, 65_550, 65_555, total // 2, total - 9, total - 8, total - 1]
    for first in places:
        for last in [*places, total + 5]:
            found = await get(served, build, form, range=f"bytes={first}-{last}")
            if last >= first:
                assert (found.status, found.body) == (206, whole[first : last + 1])
    assert (await get(served, build, form, range="bytes=-11")).body == whole[-11:]


async def test_a_download_of_another_build_begins_anew(served: Served, build: BuildName) -> None:
    etag = (await get(served, build)).headers["etag"]
    assert (await get(served, build, range="bytes=5-", if_range=etag)).status == 206
    assert (await get(served, build, "tar", range="bytes=5-", if_range=etag)).status == 200
    assert (await get(served, build, if_none_match=etag)).status == 304


async def test_head_tells_the_size_and_sends_nothing(served: Served, build: BuildName) -> None:
    whole = await get(served, build)
    path = f"/api/v1/build/{build.digest}/archive/"
    for headers in ({}, {"range": "bytes=0-9"}):
        found = await served.ask("HEAD", path, headers=headers)
        assert (found.status, found.body) == (200, b"")
        assert found.headers["content-length"] == str(len(whole.body))


async def test_an_archive_of_an_empty_file_is_one(served: Served, build: BuildName) -> None:
    (served.laid.mount / f"{build}.tar").write_bytes(b"")
    assert gzip.decompress((await get(served, build)).body) == b""


async def test_what_is_not_published_has_no_archive(served: Served, laid: Laid) -> None:
    found = await get(served, laid.submit("bar"))
    assert found.status == 404
    assert "only a published build" in found.document["message"]


async def test_any_name_of_an_environment_fits_into_the_headers(served: Served, laid: Laid) -> None:
    build = laid.make_ready("日本é")
    for form in ("tar", "tar.gz"):
        assert (await get(served, build, form)).status == 200
    for what in ("yaml", "lockfile"):
        assert (await served.get(f"/api/v1/build/{build.digest}/{what}/")).status == 200


async def test_a_file_that_gets_shorter_ends_the_answer(served: Served, build: BuildName) -> None:
    """It went on for ever, adding up nothing."""
    place = served.laid.mount / f"{build}.tar"
    request = served.request("GET", f"/api/v1/build/{build.digest}/archive/", headers={"range": "bytes=-4"})
    really_send = request.send

    async def send(message: dict[str, object]) -> None:
        os.truncate(place, 100)
        await really_send(message)

    request.send = send  # type: ignore[method-assign, assignment]
    await request.run(served.app)
    assert (request.status, request.is_whole) == (206, False)


async def test_no_more_streams_are_opened_than_there_is_room_for(served: Served, build: BuildName) -> None:
    served.house.streams._most = 0
    found = await get(served, build)
    assert (found.status, found.headers["retry-after"]) == (503, "10")
