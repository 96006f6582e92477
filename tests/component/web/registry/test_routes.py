"""The endpoints, as clients of containers ask them."""

import base64
from typing import Any

import pytest
import trio

from condafs.names import BuildName
from condafs.web.access.roles import Role
from tests.component.web.asgi import Exchange
from tests.component.web.laid import Laid
from tests.component.web.registry.images_of import MANIFEST, Made, put_image, sha256
from tests.component.web.served import Served


@pytest.fixture
def build(laid: Laid) -> BuildName:
    return laid.make_ready("foo")


@pytest.fixture
def made(laid: Laid, build: BuildName) -> Made:
    return put_image(laid.mount, build)


def error(found: Exchange) -> tuple[int, str, str]:
    """Status, code and message of a refusal, which has the specification's form."""
    assert found.headers["content-type"] == "application/json"
    (only,) = found.document["errors"]
    assert only.keys() == {"code", "message", "detail"}
    return found.status, only["code"], only["message"]


@pytest.mark.parametrize("path", ["/v2", "/v2/"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_it_says_that_it_is_a_registry(served: Served, path: str, method: str) -> None:
    found = await served.ask(method, path)
    assert found.status == 200
    assert found.headers["docker-distribution-api-version"] == "registry/2.0"


async def test_a_manifest_has_many_names(served: Served, build: BuildName, made: Made) -> None:
    for reference in ("latest", "g1", build.digest.short, build.digest.hex, made.digest):
        for name in ("foo", "default/foo"):
            found = await served.get(f"/v2/{name}/manifests/{reference}", accept=MANIFEST)
            assert (found.status, found.body) == (200, made.manifest)
            assert found.headers["content-type"] == MANIFEST
            assert found.headers["docker-content-digest"] == made.digest
    head = await served.ask("HEAD", "/v2/foo/manifests/latest")
    assert (head.status, head.body, head.headers["content-length"]) == (200, b"", str(len(made.manifest)))
    etag = head.headers["etag"]
    assert (await served.get("/v2/foo/manifests/latest", if_none_match=etag)).status == 304


async def test_blobs_can_be_had_in_parts(served: Served, made: Made) -> None:
    digest, layer = next(iter(made.layers.items()))
    path = f"/v2/foo/blobs/sha256:{digest}"
    whole = await served.get(path)
    assert (whole.status, whole.body) == (200, layer)
    assert whole.headers["docker-content-digest"] == f"sha256:{digest}"
    rest = await served.get(path, range="bytes=100-")
    assert (rest.status, rest.body) == (206, layer[100:])
    assert rest.headers["content-range"] == f"bytes 100-{len(layer) - 1}/{len(layer)}"
    assert (await served.get(path, range=f"bytes={len(layer)}-")).status == 416
    head = await served.ask("HEAD", path)
    assert (head.status, head.headers["content-length"]) == (200, str(len(layer)))
    assert (await served.get(f"/v2/foo/blobs/sha256:{sha256(made.config)}")).body == made.config


async def test_a_blob_is_found_when_nothing_is_open(laid: Laid, served: Served, made: Made) -> None:
    laid.make_ready("foo", "dependencies: [b]\n")  # its image cannot be made
    assert len(served.house.images) == 0
    assert (await served.get(f"/v2/foo/blobs/sha256:{sha256(made.config)}")).body == made.config
    assert (await served.get(f"/v2/foo/manifests/{made.digest}")).body == made.manifest


async def test_a_pull_goes_on_when_its_environment_is_gone(laid: Laid, served: Served, made: Made) -> None:
    build = laid.make_ready("foo", "dependencies: [b]\n")
    fresh = put_image(laid.mount, build)
    assert (await served.get("/v2/foo/manifests/g1")).body == made.manifest
    assert (await served.get("/v2/foo/manifests/latest")).body == fresh.manifest
    for path in laid.mount.glob("*.oci"):
        path.unlink()
    for blob in (made.config, fresh.config):
        assert (await served.get(f"/v2/foo/blobs/sha256:{sha256(blob)}")).body == blob
    assert error(await served.get("/v2/foo/manifests/latest"))[:2] == (404, "MANIFEST_UNKNOWN")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("nope/manifests/latest", 404, "NAME_UNKNOWN"),
        ("nope/tags/list", 404, "NAME_UNKNOWN"),
        ("nope/blobs/sha256:" + "0" * 64, 404, "NAME_UNKNOWN"),
        ("library/foo/manifests/latest", 404, "NAME_UNKNOWN"),
        ("condafs-dynamic/rich/manifests/latest", 404, "NAME_UNKNOWN"),
        ("Foo/manifests/latest", 400, "NAME_INVALID"),
        ("foo/manifests/nope", 404, "MANIFEST_UNKNOWN"),
        ("foo/manifests/sha256:" + "0" * 64, 404, "MANIFEST_UNKNOWN"),
        ("foo/manifests/sha256:0", 400, "DIGEST_INVALID"),
        ("foo/manifests/-x", 400, "MANIFEST_INVALID"),
        ("foo/blobs/sha256:" + "0" * 64, 404, "BLOB_UNKNOWN"),
        ("foo/blobs/md5:0", 400, "DIGEST_INVALID"),
        ("foo/referrers/sha256:" + "0" * 64, 404, "UNSUPPORTED"),
        ("_catalog?n=x", 400, "PAGINATION_NUMBER_INVALID"),
        ("foo/tags/list?n=-1", 400, "PAGINATION_NUMBER_INVALID"),
    ],
)
async def test_refusals_have_the_codes_of_the_specification(
    served: Served, made: Made, path: str, status: int, code: str
) -> None:
    found = await served.get(f"/v2/{path}")
    assert error(found)[:2] == (status, code)
    assert found.headers["docker-distribution-api-version"] == "registry/2.0"


async def test_switched_off_it_says_how_it_is_switched_on(served: Served) -> None:
    assert "'http-dynamic: yes'" in error(await served.get("/v2/condafs-dynamic/rich/manifests/latest"))[2]


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v2/foo/blobs/uploads/"),
        ("PUT", "/v2/foo/manifests/latest"),
        ("DELETE", "/v2/foo/manifests/sha256:" + "0" * 64),
        ("PATCH", "/v2/foo/blobs/uploads/1"),
    ],
)
async def test_nothing_can_be_written(served: Served, method: str, path: str) -> None:
    found = await served.ask(method, path, role=Role.ADMIN)
    assert error(found)[:2] == (405, "UNSUPPORTED")
    assert found.headers["allow"] == "GET, HEAD"


async def test_lists_come_in_pages(laid: Laid, served: Served, build: BuildName) -> None:
    for name in ("bar", "Zoo"):
        laid.make_ready(name)
    laid.submit("queued")
    assert (await served.get("/v2/_catalog")).document == {"repositories": ["bar", "foo", "zoo"]}
    page = await served.get("/v2/_catalog?n=1&last=bar")
    assert page.document == {"repositories": ["foo"]}
    assert page.headers["link"] == '</v2/_catalog?n=1&last=foo>; rel="next"'
    tags = await served.get("/v2/foo/tags/list")
    assert tags.document == {"name": "foo", "tags": sorted([build.digest.short, "g1", "latest"])}
    assert "link" not in tags.headers


async def test_a_closed_registry_asks_for_a_password(laid: Laid, nursery: trio.Nursery, made: Made) -> None:
    served = Served(laid, nursery, is_open=False)
    for path in ("/v2/", "/v2/foo/manifests/latest", f"/v2/foo/blobs/sha256:{sha256(made.config)}"):
        found = await served.get(path)
        assert error(found)[:2] == (401, "UNAUTHORIZED")
        assert found.headers["www-authenticate"] == 'Basic realm="condafs"'
        assert (await served.get(path, authorization=_basic(served, Role.VIEWER))).status == 200
    assert (await served.get("/v2/", authorization="Basic eDp5")).status == 401


def _basic(served: Served, role: Role) -> str:
    return "Basic " + base64.b64encode(f"whoever:{served.secrets[role]}".encode()).decode()


async def test_what_passes_is_429_because_clients_wait_for_that_alone(
    laid: Laid, served: Served, made: Made, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(served.house.streams, "_most", 0)
    found = await served.get(f"/v2/foo/blobs/sha256:{sha256(made.config)}")
    assert error(found)[:2] == (429, "TOOMANYREQUESTS")
    assert int(found.headers["retry-after"]) > 0


async def test_a_mount_that_says_no_is_unavailable(laid: Laid, served: Served, build: BuildName) -> None:
    (laid.mount / f"{build}.oci").write_bytes(b"x" * 3000)
    found: Any = await served.get("/v2/foo/manifests/latest")
    assert error(found)[:2] == (503, "UNAVAILABLE")
