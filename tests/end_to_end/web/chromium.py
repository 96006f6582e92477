"""Headless Chromium, driven over its DevTools protocol: commands as JSON on a pipe, each ended by a NUL.

That needs no driver, no port and no package (`--remote-debugging-pipe`: commands on descriptor 3, answers on 4).
"""

import base64
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

PATIENCE_SECONDS = 30

PHONE = (390, 844)
DESKTOP = (1200, 900)

_ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-breakpad",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)


class BrowserError(AssertionError):
    """The page did not do what was expected of it, or the browser is gone."""


class Chromium:
    """One browser with one page.

    Attributes:
        messages: What pages said on the console, violations of their policy included.
    """

    def __init__(self, *arguments: str) -> None:
        self._profile = tempfile.mkdtemp(prefix="condafs-chromium-")
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        command = f'exec chromium "$@" 3<&{theirs_in} 4>&{theirs_out}'
        self._process = subprocess.Popen(
            ["bash", "-c", command, "chromium", *_ARGUMENTS, f"--user-data-dir={self._profile}", *arguments],
            pass_fds=(theirs_in, theirs_out),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        os.close(theirs_in)
        os.close(theirs_out)
        self._rest = b""
        self._number = 0
        self._session = ""
        self.messages: list[str] = []
        target = self.command("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.command("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.command(f"{domain}.enable")

    def close(self) -> None:
        """End it, and remove its profile."""
        with suppress(BrowserError, BrokenPipeError):
            self.command("Browser.close")
        with suppress(subprocess.TimeoutExpired):
            self._process.wait(PATIENCE_SECONDS)
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)  # a session of its own: nobody else is in it
        self._process.wait()
        os.close(self._in)
        os.close(self._out)
        shutil.rmtree(self._profile, ignore_errors=True)

    def command(self, method: str, **parameters: Any) -> Any:
        """Ask for something of the protocol; its answer."""
        self._number += 1
        message: dict[str, Any] = {"id": self._number, "method": method, "params": parameters}
        if self._session and not method.startswith(("Browser.", "Target.")):
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            answer = self._receive(deadline)
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise BrowserError(method, answer["error"])
                return answer["result"]

    def _receive(self, deadline: float) -> Mapping[str, Any]:
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._in], [], [], max(0.0, deadline - time.monotonic()))
            content = os.read(self._in, 1 << 20) if ready else b""
            if not content:
                gone = "the browser does not answer"
                raise BrowserError(gone)
            self._rest += content
        line, _, self._rest = self._rest.partition(b"\0")
        message: Mapping[str, Any] = json.loads(line)
        self._note(message.get("method", ""), message.get("params", {}))
        return message

    def _note(self, method: str, parameters: Mapping[str, Any]) -> None:
        if method == "Runtime.exceptionThrown":
            self.messages.append(json.dumps(parameters["exceptionDetails"]))
        elif method == "Log.entryAdded":
            entry = parameters["entry"]
            self.messages.append(f"{entry['source']}: {entry['text']} {entry.get('url', '')}")

    def go(self, url: str) -> None:
        """Load a page, scripts and all."""
        answer = self.command("Page.navigate", url=url)
        if "errorText" in answer:
            raise BrowserError(url, answer["errorText"])
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'")

    def run(self, script: str) -> Any:
        """The value of an expression of JavaScript; promises are waited for."""
        answer = self.command(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=True
        )
        if "exceptionDetails" in answer:
            raise BrowserError(script, answer["exceptionDetails"])
        return answer["result"].get("value")

    def wait(self, condition: str) -> Any:
        """The value of an expression, as soon as it is true. A page that is being replaced counts as not there yet."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline:
            try:
                if value := self.run(condition):
                    return value
            except BrowserError:
                pass
            time.sleep(0.02)  # another process works; it tells of nothing that is waited for here
        raise BrowserError(condition, self.run("document.body.innerText")[:4000], self.messages)

    def click(self, selector: str) -> None:
        """Click an element with the mouse."""
        self.click_on(f"document.querySelector({json.dumps(selector)})")

    def click_on(self, element: str) -> None:
        """Click what an expression finds, as soon as it finds something that is seen; found and placed in one step."""
        place = self.wait(
            f"(() => {{ const e = {element}; if (!e) return null;"
            " e.scrollIntoView({block: 'center', behavior: 'instant'}); const r = e.getBoundingClientRect();"
            " return r.width ? [r.x + r.width / 2, r.y + r.height / 2] : null })()"
        )
        for kind in ("mousePressed", "mouseReleased"):
            self.command(
                "Input.dispatchMouseEvent", type=kind, x=place[0], y=place[1], button="left", clickCount=1, buttons=1
            )

    def follow(self, selector: str) -> None:
        """Click what leads to another page, and wait for that."""
        self.run("window.isOld = true")
        self.click(selector)
        self.wait("!window.isOld && document.readyState === 'complete'")

    def write(self, selector: str, text: str) -> None:
        """Type a text into a field in the place of what is there."""
        self.run(f"(() => {{ const e = document.querySelector({json.dumps(selector)}); e.focus(); e.select() }})()")
        self.command("Input.insertText", text=text)

    def text(self, selector: str = "main") -> str:
        """What an element shows."""
        found: str = self.run(f"document.querySelector({json.dumps(selector)}).innerText")
        return found

    def resize(self, size: tuple[int, int], *, scale: float = 1, is_dark: bool = False) -> None:
        """Give the page a size, and the person's liking of dark."""
        width, height = size
        self.command(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=width < 600,
        )
        scheme = "dark" if is_dark else "light"
        self.command("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def screenshot(self, path: Path, *, is_whole: bool = False) -> None:
        """A PNG of what is seen, or of the whole page."""
        answer = self.command(
            "Page.captureScreenshot", format="png", captureBeyondViewport=is_whole, optimizeForSpeed=False
        )
        if is_whole:
            size = self.command("Page.getLayoutMetrics")["cssContentSize"]
            clip = {"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1}
            answer = self.command("Page.captureScreenshot", format="png", captureBeyondViewport=True, clip=clip)
        path.write_bytes(base64.b64decode(answer["data"]))


@contextmanager
def browsing(*arguments: str) -> Iterator[Chromium]:
    """A browser for a while."""
    browser = Chromium(*arguments)
    try:
        yield browser
    finally:
        browser.close()
