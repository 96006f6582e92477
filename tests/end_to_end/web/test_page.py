"""The pages in a browser: from logging in to rolling back, on a phone, and what another site can do."""

import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.channel.faulty_server import Fault, FaultyServer
from tests.end_to_end.serving import Daemon
from tests.end_to_end.web.chromium import DESKTOP, PHONE, Chromium, browsing
from tests.end_to_end.web.http_server import Server


@pytest.fixture(scope="module")
def chromium() -> Iterator[Chromium]:
    with browsing() as browser:
        yield browser


@pytest.fixture
def browser(chromium: Chromium, server: Server) -> Chromium:
    """Logged in as the administrator, on a desk. Each test begins with a quiet console."""
    chromium.resize(DESKTOP)
    chromium.go(f"{server.url}/login?next=/disk")
    chromium.write("#password", server.token)
    chromium.follow("form.login button")
    assert chromium.text("h1") == "Disk"
    chromium.messages.clear()
    return chromium


def test_a_specification_is_corrected_built_before_ones_eyes_and_rolled_back(
    browser: Chromium, server: Server, daemon: Daemon, http_channel: FaultyServer
) -> None:
    head = f"name: paged\nchannels: ['{http_channel.url}']\n"
    first = server.submit(f"{head}dependencies: [zz-textprefix]\n")
    daemon.wait_until_ready("paged", first["digest"])

    # A mistake has its caret, and the line is marked; what was typed stays.
    browser.go(f"{server.url}/environment/paged")
    browser.follow("a[href$='/edit']")
    text = f"{head}dependencies:\n  - zz-textprefix\n  - zz-clobber-a >=\n"
    browser.write("textarea", text)
    browser.wait("!document.querySelector('#problem').hidden")  # already while one types
    browser.follow("form.edit button.primary")
    assert "paged.yaml:5:18: no version behind" in browser.text("#problem")
    assert "^" in browser.text("#problem")
    assert browser.text(".gutter .bad") == "5"
    assert browser.run("document.querySelector('textarea').value") == text

    # Corrected, it is built while one watches.
    http_channel.fail(Fault.HANG, r"zz-clobber-a.*conda$", times=1)
    browser.write("textarea", text.replace(" >=", ""))
    browser.wait("document.querySelector('#checked').textContent.startsWith('paged · ')")
    browser.follow("form.edit button.primary")
    assert http_channel.hanging.wait(30)
    browser.wait("document.querySelector('#log').textContent.includes('zz-clobber-a')")
    browser.wait("document.querySelector('.phases .now').dataset.phase === 'fetch'")
    http_channel.recover()
    browser.wait("document.querySelector('.state').textContent.includes('ready') && !document.querySelector('#log')")
    assert "added" in browser.run("document.querySelector('#g2 .changes li').className")
    assert "zz-clobber-a" in browser.text("#packages")

    # And back.
    browser.follow("#g1 form button")
    assert "generation 1" in browser.text(".lead")
    assert (daemon.envs / "paged").readlink().name.startswith(first["digest"])
    assert "went to generation 1 by tester" in browser.text("#events").replace("\n", " ")
    assert not [message for message in browser.messages if "400" not in message], "a refused form is a 400"


def test_what_is_to_be_typed_is_copied_and_packages_are_filtered(
    browser: Chromium, server: Server, daemon: Daemon, hello: str
) -> None:
    browser.command(
        "Browser.grantPermissions",
        origin=server.url,
        permissions=["clipboardReadWrite", "clipboardSanitizedWrite"],
    )
    browser.go(f"{server.url}/environment/{hello}")
    browser.click("button.copy")
    browser.wait("document.querySelector('button.copy').textContent === 'Copied'")
    assert browser.run("navigator.clipboard.readText()") == f"source {daemon.envs}/hello/bin/activate"
    browser.write("[data-filter]", "condafs-h")
    browser.wait("document.querySelector('#package-count').textContent.startsWith('1 of ')")
    assert browser.text("#package-list").split()[0] == "condafs-hello"
    assert browser.messages == []


def test_nothing_is_wider_than_a_phone_and_no_page_breaks_its_own_policy(
    browser: Chromium, server: Server, hello: str
) -> None:
    browser.resize(PHONE)
    for path in ("/", "/disk", f"/environment/{hello}", f"/environment/{hello}/edit", "/new", "/docs", "/login"):
        browser.go(server.url + path)
        assert browser.run("[document.documentElement.scrollWidth, innerWidth]") == [PHONE[0], PHONE[0]], path
    assert browser.messages == []


def test_pages_work_where_a_browser_tells_no_site(server: Server, hello: str) -> None:
    # Browsers send Sec-Fetch-Site to https and loopback only; elsewhere the Origin has to do.
    with browsing("--host-resolver-rules=MAP condafs.test 127.0.0.1") as browser:
        url = server.url.replace("127.0.0.1", "condafs.test")
        browser.go(f"{url}/login?next=/environment/{hello}/edit")
        browser.write("#password", server.token)
        browser.follow("form.login button")
        browser.wait("document.querySelector('#checked').textContent.startsWith('hello · ')")
        browser.follow("form.edit button.primary")
        assert "Submitted" in browser.text(".done")
        browser.click("button.copy")
        browser.wait("document.querySelector('button.copy').textContent === 'Copied'")


def test_a_page_of_another_site_cannot_use_the_cookie(
    browser: Chromium, server: Server, daemon: Daemon, hello: str, tmp_path: Path
) -> None:
    # Another port of the same host is another origin and the same site: the browser sends the cookie along.
    form = f'<form method="post" action="{server.url}/environment/{hello}/retire"><button>Win a prize</button></form>'
    (tmp_path / "index.html").write_text(form)
    handler = partial(_Quiet, directory=str(tmp_path))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as evil:
        threading.Thread(target=evil.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
        browser.go(f"http://127.0.0.1:{evil.server_port}/")
        browser.follow("button")
        evil.shutdown()
    assert browser.run("location.origin") == server.url
    assert browser.text("h1") == "Unauthorized"
    assert daemon.status(hello)["retired"] is False
    browser.go(f"{server.url}/environment/{hello}")
    assert browser.run("!!document.querySelector('#retire')"), "the cookie is good"


class _Quiet(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.0"

    def log_message(self, *_: object) -> None:
        """Say nothing."""
