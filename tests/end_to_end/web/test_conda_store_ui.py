"""conda-store's own web interface (npm `@conda-store/conda-store-ui`) against `condafs serve`, as a person uses it."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.serving import Daemon
from tests.end_to_end.web.chromium import BrowserError, Chromium, browsing
from tests.end_to_end.web.http_server import Server

_FIND = """[...document.querySelectorAll('button, a, li, span, div, p, label')].filter(
    e => e.textContent.trim() === %s && !e.disabled && e.getBoundingClientRect().width).pop()"""


class Person:
    """Somebody at a browser."""

    def __init__(self, browser: Chromium, url: str) -> None:
        self.browser = browser
        self.url = url

    def click_text(self, text: str) -> None:
        """Click what says exactly this, as soon as it is there."""
        self.browser.click_on(_FIND % json.dumps(text))

    def see(self, text: str) -> None:
        """Wait until the page shows it."""
        self.browser.wait(f"document.body.innerText.includes({json.dumps(text)})")

    def log_in(self, token: str) -> None:
        self.browser.go(f"{self.url}/ui/")
        for _ in range(3):  # a click while it is drawn anew is lost
            self.click_text("Log in")
            with contextlib.suppress(BrowserError):  # the page that was asked is gone
                self.browser.run("new Promise(resolve => setTimeout(resolve, 1500))")
            if self.browser.wait("location.pathname") == "/login":
                break
        self.browser.wait("location.pathname === '/login' && document.readyState === 'complete'")
        self.browser.write("input[type=password]", token)
        self.browser.follow("main button")
        self.see("Log out")

    def write_yaml(self, text: str) -> None:
        """Turn to the YAML editor and replace what is in it."""
        # The switch is put back when the page has loaded more of the build.
        self.browser.wait("""(() => {
            const editor = document.querySelector('.cm-content');
            const choice = document.querySelector('input[type=checkbox]');
            if (!editor && choice && !choice.checked) choice.click();
            return !!editor;
        })()""")
        self.browser.click(".cm-content")
        for kind in ("rawKeyDown", "keyUp"):
            self.browser.command(
                "Input.dispatchKeyEvent", type=kind, key="a", code="KeyA", windowsVirtualKeyCode=65, modifiers=2
            )
        self.browser.command("Input.insertText", text=text)
        # It takes note of what was typed some time after the last key, and shows nowhere that it did.
        self.browser.run("new Promise(resolve => setTimeout(resolve, 1000))")


@pytest.fixture
def person(server: Server) -> Iterator[Person]:
    with browsing() as browser:
        browser.resize((1300, 1000))
        yield Person(browser, server.url)


def test_an_environment_is_made_changed_and_switched_back(
    person: Person, server: Server, daemon: Daemon, channel_url: str, tmp_path: Path
) -> None:
    person.log_in(server.token)
    person.click_text("New")
    person.browser.wait("!!document.querySelector('input[type=text]')")
    person.browser.write("input:not([disabled])[id]:not([type=checkbox])", "fromui")
    person.write_yaml(f"channels: ['{channel_url}']\ndependencies: [zz-textprefix]")
    person.click_text("Create")
    first = daemon.wait_until_ready("fromui")["current"]["digest"]
    person.see("Completed")
    person.see("Installed Packages")
    person.see("zz-textprefix")

    person.browser.go(f"{server.url}/ui/default/fromui")  # it forgets the switch while it loads
    person.see("zz-textprefix")
    person.click_text("Edit")
    person.write_yaml(f"channels: ['{channel_url}']\ndependencies: [zz-textprefix, zz-noarch-data]")
    person.click_text("Save")
    second = daemon.wait_for("fromui", lambda status: status["generations"] == 2)["current"]["digest"]
    assert second != first

    person.browser.go(f"{server.url}/ui/default/fromui")
    person.click_text("Edit")
    person.see("Change active environment version")
    opened = "document.querySelector('[role=combobox], [aria-haspopup=listbox]')"
    person.browser.wait(f"!!{opened}")
    person.browser.run(f"{opened}.dispatchEvent(new MouseEvent('mousedown', {{bubbles: true, button: 0}}))")
    person.browser.wait("document.querySelectorAll('[role=option]').length === 3")  # the first one is empty
    person.browser.run("document.querySelector('[role=option]:last-child').click()")  # it moves while it opens
    person.browser.wait("!document.querySelector('[role=option]')")
    person.click_text("Change environment version")
    assert daemon.wait_until_ready("fromui", first)["generations"] == 2
    events = (daemon.envs / ".history/fromui/.events").read_text().splitlines()
    assert json.loads(events[-1])["behalf"] == "tester"
