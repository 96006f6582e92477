"""Tokens become cookies, and go again."""

import json

import pytest

from condafs.web.access.roles import Role
from tests.component.web.page.house import NOW, Machine


async def test_a_wrong_token_gets_the_form_again(machine: Machine) -> None:
    for password in ("condafs_wrong", "", "x" * 500):
        answer = await machine.browser.post("/login", {"password": password, "next": "/disk"})
        assert answer.status == 401
        assert "unknown, revoked or expired" in answer.text
        assert 'value="/disk"' in answer.text
        assert "set-cookie" not in answer.headers
        assert password == "" or password not in answer.text


async def test_a_token_becomes_a_cookie_that_no_script_and_no_other_site_gets(machine: Machine) -> None:
    secret = machine.tokens.create("ann", Role.EDITOR, NOW, NOW + 3600)
    answer = await machine.browser.post("/login", {"password": f" {secret}\n", "next": "/environment/foo?before=3"})
    assert answer.status == 303
    assert answer.headers["location"] == "/environment/foo?before=3"
    cookie = answer.headers["set-cookie"].lower()
    for part in ("httponly", "samesite=lax", "path=/", "max-age=3600"):
        assert part in cookie
    assert "secure" not in cookie
    assert secret.lower() not in cookie
    machine.browser.scheme = "https"
    answer = await machine.browser.post("/login", {"password": secret})
    assert "; secure" in answer.headers["set-cookie"].lower()


@pytest.mark.parametrize(
    "place", ["//evil.test", "/\\evil.test", "https://evil.test/", "/\t/evil.test", "javascript:alert(1)", "", "x"]
)
async def test_nobody_is_sent_elsewhere_after_logging_in(machine: Machine, place: str) -> None:
    secret = machine.tokens.create("ann", Role.EDITOR, NOW)
    answer = await machine.browser.post("/login", {"password": secret, "next": place})
    assert answer.headers["location"] == "/"
    assert (await machine.browser.post("/logout", {"next": place})).headers["location"] == "/"


async def test_conda_store_s_client_logs_in_with_json(machine: Machine) -> None:
    secret = machine.tokens.create("ann", Role.EDITOR, NOW)
    headers = {"content-type": "application/json"}
    content = json.dumps({"username": "anything", "password": secret}).encode()
    answer = await machine.browser.request("POST", "/login/", content, headers)
    assert answer.status == 200
    assert json.loads(answer.body)["status"] == "ok"
    assert "condafs_session=" in answer.headers["set-cookie"]
    for wrong in (b"{}", b"[", b"[1]", b'{"password": 1}'):
        answer = await machine.browser.request("POST", "/login/", wrong, headers)
        assert answer.status == 401
        assert json.loads(answer.body)["status"] == "error"


async def test_a_session_ends_with_its_token_or_by_logging_out(machine: Machine) -> None:
    await machine.log_in(name="ann")
    assert "Log out" in (await machine.browser.get("/")).text
    answer = await machine.browser.post("/logout")
    assert 'condafs_session=""' in answer.headers["set-cookie"]
    machine.tokens.revoke("ann")
    assert "Log out" not in (await machine.browser.get("/")).text


async def test_no_other_site_logs_anybody_in_or_out(machine: Machine) -> None:
    secret = machine.tokens.create("evil", Role.EDITOR, NOW)
    for path in ("/login", "/logout"):
        answer = await machine.browser.post(path, {"password": secret}, site="cross-site")
        assert answer.status == 403
        assert "set-cookie" not in answer.headers
    assert "set-cookie" not in (await machine.browser.get("/logout")).headers, "a link does not log out"
