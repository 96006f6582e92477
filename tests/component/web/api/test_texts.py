"""Texts of a build: its specification, its lock, what docker pulls."""

import pytest

from condafs.spec import digest_of, parse
from tests.component.web.laid import Laid
from tests.component.web.served import Served


async def test_the_specification_of_a_build_can_be_submitted_again(served: Served, laid: Laid) -> None:
    build = laid.submit("foo", "dependencies: [python, pip: [six]]\nvariables: {A: 'on'}\nexclude-newer: 2026-11-01\n")
    found = await served.get(f"/api/v1/build/{build.digest}/yaml/")
    assert found.headers["content-type"] == "application/yaml; charset=utf-8"
    assert found.headers["content-disposition"] == 'inline; filename="foo.yaml"'
    again = parse(found.body, "other.yaml", "linux-64", 100)
    assert again is not None
    assert digest_of(again) == build.digest


async def test_a_text_that_is_known_is_not_sent_again(served: Served, laid: Laid) -> None:
    build = laid.make_ready("foo")
    for what in ("yaml", "lockfile"):
        path = f"/api/v1/build/{build.digest}/{what}/"
        first = await served.get(path)
        again = await served.get(path, if_none_match=first.headers["etag"])
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", first.headers["etag"])
        assert first.headers["x-content-type-options"] == "nosniff"


async def test_a_lock_shows_no_credentials(served: Served, laid: Laid) -> None:
    build = laid.make_ready("foo")
    for path in (f"/api/v1/build/{build.digest}/lockfile/", "/api/v1/environment/default/foo/lockfile/"):
        found = await served.get(path)
        assert found.body == b"version: 6\n- conda: https://***@host/x.conda\n"


async def test_what_is_not_published_has_no_lock(served: Served, laid: Laid) -> None:
    build = laid.submit("foo")
    for path in (f"/api/v1/build/{build.digest}/lockfile/", "/api/v1/environment/default/foo/lockfile/"):
        assert (await served.get(path)).status == 404


@pytest.mark.parametrize("path", ["build/{0}/", "environment/default/foo/", "environment/", "build/"])
async def test_what_has_not_changed_is_not_sent_again_and_what_has_is(served: Served, laid: Laid, path: str) -> None:
    build = laid.submit("foo")
    target = "/api/v1/" + path.format(build.digest)
    etag = (await served.get(target)).headers["etag"]
    assert (await served.get(target, if_none_match=etag)).status == 304
    assert (await served.get(target, if_none_match=f'"x", W/{etag}')).status == 304
    laid.publish(build)
    assert (await served.get(target, if_none_match=etag)).status == 200


async def test_docker_pulls_from_where_the_server_was_asked(served: Served, laid: Laid) -> None:
    build = laid.make_ready("Foo")
    found = await served.get(f"/api/v1/build/{build.digest}/docker/")
    assert found.body.decode() == f"server.example/foo:{build.digest.short}"
