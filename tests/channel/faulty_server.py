"""A channel over HTTP that can be told to misbehave, for tests of retrying."""

import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import Enum, auto
from functools import partial
from http import HTTPStatus
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any


class Fault(Enum):
    """What goes wrong with a request."""

    ERROR = auto()  # a status, 500 by default
    HANG = auto()  # no answer until the server ends
    TRUNCATE = auto()  # the promised length, half the body, then the connection closes
    CORRUPT = auto()  # the right length, with the last byte flipped


@dataclass(slots=True)
class _Rule:
    fault: Fault
    pattern: re.Pattern[str]
    remaining: int | None
    status: int


@dataclass(slots=True)
class FaultyServer:
    """A channel's HTTP server; sound until `fail` says otherwise.

    Attributes:
        url: The channel.
        requests: Paths asked for so far, in order.
        hanging: Set once a request hangs.
    """

    url: str = ""
    requests: list[str] = field(default_factory=list)
    hanging: threading.Event = field(default_factory=threading.Event)
    _rules: list[_Rule] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _released: threading.Event = field(default_factory=threading.Event)

    def fail(self, fault: Fault, pattern: str = "", times: int | None = None, status: int = 500) -> None:
        """Answer requests with a fault.

        Args:
            fault: What kind.
            pattern: Regular expression found in the path: `\\.conda$`, `repodata`; "" for every request.
            times: How many requests; None for all from now on.
            status: For `Fault.ERROR`.
        """
        with self._lock:
            self._rules.append(_Rule(fault, re.compile(pattern), times, status))

    def recover(self) -> None:
        """Be sound again; requests that hang are let go without an answer."""
        with self._lock:
            self._rules.clear()
            self._released.set()
            self._released = threading.Event()

    def count(self, pattern: str) -> int:
        """How many requests so far had a path in which `pattern` is found."""
        return sum(1 for path in self.requests if re.search(pattern, path))

    def _next_rule(self, path: str) -> _Rule | None:
        with self._lock:
            self.requests.append(path)
            for rule in self._rules:
                if rule.remaining != 0 and rule.pattern.search(path):
                    if rule.remaining is not None:
                        rule.remaining -= 1
                    return rule
        return None

    def _hang(self) -> None:
        with self._lock:
            released = self._released
        self.hanging.set()
        released.wait()


@contextmanager
def serving(root: Path) -> Iterator[FaultyServer]:
    """Serve a channel's directory on the loopback interface, at a port that was free."""
    faulty = FaultyServer()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Handler, faulty, directory=str(root)))
    faulty.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield faulty
    finally:
        faulty.recover()
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(SimpleHTTPRequestHandler):
    protocol_version = "HTTP/1.0"  # one request a connection: no idle connection keeps a thread at the end

    def __init__(self, faulty: FaultyServer, *args: Any, **kwargs: Any) -> None:
        self._faulty = faulty
        super().__init__(*args, **kwargs)

    def do_GET(self) -> None:
        rule = self._faulty._next_rule(self.path)
        if rule is None:
            self._swallowing_disconnects(super().do_GET)
        elif rule.fault is Fault.ERROR:
            self.send_error(rule.status)
        elif rule.fault is Fault.HANG:
            self._faulty._hang()
        else:
            self._swallowing_disconnects(partial(self._damaged, rule.fault))

    def _damaged(self, fault: Fault) -> None:
        path = Path(self.translate_path(self.path))
        if not path.is_file():
            self.send_error(HTTPStatus.NOT_FOUND)
            return
        content = path.read_bytes()
        self.send_response(HTTPStatus.OK)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        is_cut = fault is Fault.TRUNCATE
        self.wfile.write(content[: len(content) // 2] if is_cut else content[:-1] + bytes([content[-1] ^ 0xFF]))

    def _swallowing_disconnects(self, answer: Any) -> None:
        try:
            answer()
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    def log_message(self, *_: object) -> None:
        """Say nothing: `requests` has it."""
