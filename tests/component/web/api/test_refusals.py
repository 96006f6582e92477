"""What is wrong, told in envelopes."""

import json
import logging

import pytest

from condafs.web.access.roles import Role
from condafs.web.access.sessions import COOKIE
from condafs.web.access.tokens import hash_of
from tests.component.web.laid import Laid
from tests.component.web.served import Served


def message_of(content: bytes) -> str:
    document = json.loads(content)
    assert (document["status"], document["data"]) == ("error", None)
    return str(document["message"])


@pytest.mark.parametrize(
    "target",
    [
        "/api/v1/nothing/",
        "/api/nothing",
        "/api/v1/build/1/",
        f"/api/v1/build/{'a' * 64}/",
        f"/api/v1/build/{'a' * 64}-foo/logs/",
        "/api/v1/environment/default/foo/",
        "/api/v1/environment/other/foo/",
        "/api/v1/environment/default/foo/history/",
        f"/api/v1/environment/default/{'é' * 255}/",
        "/api/v1/build/?namespace=other",
    ],
)
async def test_what_is_not_there_is_not_found(served: Served, target: str) -> None:
    found = await served.get(target)
    assert found.status == 404
    assert message_of(found.body).startswith("there is no")


@pytest.mark.parametrize(
    ("method", "target", "allowed"),
    [
        ("POST", "/api/v1/build/", "GET"),
        ("PATCH", "/api/v1/environment/default/foo/", "DELETE, GET, PUT"),
        ("DELETE", "/api/v1/", "GET"),
        ("BREW", "/api/v1/specification/", "GET, POST"),
    ],
)
async def test_another_method_is_refused_with_those_that_are_there(
    served: Served, method: str, target: str, allowed: str
) -> None:
    found = await served.ask(method, target)
    assert (found.status, found.headers["allow"]) == (405, allowed)
    assert method in message_of(found.body)


@pytest.mark.parametrize(
    "target",
    [
        "/api/v1/build/?page=0",
        "/api/v1/build/?page=x",
        "/api/v1/build/?size=1001",
        "/api/v1/build/?size=-1",
        "/api/v1/build/?order=up",
        "/api/v1/build/?status=DONE",
        "/api/v1/build/?environment_id=-1",
        "/api/v1/environment/?page=9999999999",
        "/api/v1/build/nonsense/",
        "/api/v1/build/..",
        "/api/v1/environment/default/a@b/",
        "/api/v1/environment/default/.hidden/",
        "/api/v1/environment/default/foo/diff/x/y/",
        "/api/v1/events/?after=-1",
    ],
)
async def test_a_parameter_of_the_wrong_form_is_refused_by_its_name(served: Served, target: str) -> None:
    found = await served.get(target)
    assert found.status == 422
    assert message_of(found.body).startswith(("query.", "path."))


@pytest.mark.parametrize(
    "target", ["/api/v1/environment/?name=a/b", "/api/v1/environment/default/foo.tar/", "/api/v1/build/?name=.a"]
)
async def test_a_name_that_is_none_is_refused_with_the_rule_that_it_breaks(served: Served, target: str) -> None:
    found = await served.get(target)
    assert found.status == 400
    assert "the name" in message_of(found.body)


@pytest.mark.parametrize(
    "content",
    [
        b"{",
        b"7",
        b"[]",
        b'{"specification": 7}',
        b'{"specification": "\\ud800"}',
        b'{"namespace": ["\\ud800"]}',
        b'{"specification": "x", "namespace": {"\\udfff": 1}}',
        b"\xff",
        b"[" * 100_000,
        b'{"specification": ' + b"9" * 5000 + b"}",
    ],
)
async def test_a_body_of_the_wrong_form_is_refused(served: Served, content: bytes) -> None:
    found = await served.ask("POST", "/api/v1/specification/", content, Role.EDITOR)
    assert found.status in {400, 422}
    assert message_of(found.body)


async def test_halves_of_characters_in_what_is_refused_do_no_harm(served: Served) -> None:
    content = b'{"role_bindings": {"\\ud800": "viewer", "a": ["\\udfff"]}}'
    found = await served.ask("POST", "/api/v1/token/", content, Role.EDITOR)
    assert found.status in {400, 422}
    assert message_of(found.body)


@pytest.mark.parametrize(
    "header", ["Basic é", "Basic !", "Basic", "Bearer", "Bearer é", "é é", "Basic 4pyT", "Digest a=b"]
)
async def test_no_authorization_makes_a_mistake_of_the_server(served: Served, header: str) -> None:
    found = await served.get("/api/v1/permission/", authorization=header)
    assert found.status in {200, 401}


WRITES = [
    ("POST", "/api/v1/specification/"),
    ("POST", "/api/v1/token/"),
    ("PUT", "/api/v1/environment/default/foo/"),
    ("DELETE", "/api/v1/environment/default/foo/"),
    ("PUT", "/api/v1/build/1/"),
    ("PUT", "/api/v1/build/1/cancel/"),
    ("DELETE", "/api/v1/build/1/"),
]


@pytest.mark.parametrize(("method", "target"), WRITES)
async def test_changes_need_a_token_and_a_role(served: Served, method: str, target: str) -> None:
    nobody = await served.ask(method, target, {})
    assert (nobody.status, nobody.headers["www-authenticate"]) == (401, 'Bearer realm="condafs"')
    assert (await served.ask(method, target, {}, Role.VIEWER)).status == 403
    unknown = await served.ask(method, target, {}, headers={"authorization": "Bearer condafs_x"})
    assert unknown.status == 401


@pytest.mark.parametrize(("method", "target"), WRITES)
async def test_no_other_site_makes_changes_with_a_browsers_cookie(served: Served, method: str, target: str) -> None:
    cookie = served.house.doorkeeper.sessions.sign(hash_of(served.secrets[Role.ADMIN]), served.clock() + 60)
    headers = {"cookie": f"{COOKIE}={cookie}"}
    for more in ({}, {"sec-fetch-site": "cross-site"}, {"origin": "https://evil.example"}, {"origin": "null"}):
        assert (await served.ask(method, target, {}, headers=headers | more)).status == 401
    here = await served.ask(method, target, {}, headers=headers | {"sec-fetch-site": "same-origin"})
    assert here.status not in {401, 403}
    permission = await served.get("/api/v1/permission/", cookie=headers["cookie"])
    assert permission.data["name"] == "the-admin"


async def test_a_token_that_is_revoked_is_worth_nothing_at_once(served: Served) -> None:
    assert (await served.get("/api/v1/permission/", Role.ADMIN)).status == 200
    served.house.doorkeeper.tokens.revoke("the-admin")
    assert (await served.get("/api/v1/permission/", Role.ADMIN)).status == 401


async def test_a_mount_that_is_gone_is_told_and_the_catalog_still_answers(served: Served, laid: Laid) -> None:
    build = laid.make_ready("foo")
    laid.mount.rename(laid.mount.with_name("elsewhere"))
    found = await served.ask("DELETE", "/api/v1/environment/default/foo/", role=Role.EDITOR)
    assert found.status == 503
    assert (await served.get("/api/v1/environment/default/foo/")).data["name"] == "foo"
    assert (await served.get(f"/api/v1/build/{build.digest}/")).data["status"] == "COMPLETED"


async def test_a_mistake_of_ours_is_told_without_its_inside(
    served: Served, laid: Laid, caplog: pytest.LogCaptureFixture
) -> None:
    build = laid.make_ready("foo")
    prefix = laid.settings.builds / str(build)
    (prefix / "conda-meta/condafs/packages.json").write_text("{ secret")
    request = served.request("GET", f"/api/v1/build/{build.digest}/packages/")
    with caplog.at_level(logging.ERROR), pytest.raises(ValueError, match="property name"):
        await request.run(served.app)
    assert request.status == 500
    assert message_of(request.body) == "condafs made a mistake; its log says which"
    assert "JSONDecodeError" in caplog.text
