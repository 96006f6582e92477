"""`condafs serve` as a person starts it, beside a daemon of one's own, and a client for it."""

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.end_to_end.serving import CONDAFS, PATIENCE_SECONDS, Daemon


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def document(self) -> Any:
        return json.loads(self.body)

    @property
    def data(self) -> Any:
        assert self.status == 200, self.body
        return self.document["data"]


class Server:
    """`condafs serve` for a daemon, on a free port, with the daemon's settings file.

    Attributes:
        url: `http://127.0.0.1:<port>`.
        token: An administrator's.
    """

    def __init__(self, daemon: Daemon, token: str = "") -> None:
        self.daemon = daemon
        self.log = daemon.log.with_name("serve.log")
        self.url = ""
        self.command: Sequence[str] = CONDAFS
        self.process: subprocess.Popen[bytes] | None = None
        self.token = token or self.make_token("tester", "admin")

    @property
    def address(self) -> str:
        """`127.0.0.1:<port>`."""
        return self.url.partition("://")[2]

    def make_token(self, name: str, role: str) -> str:
        command = [*CONDAFS, "token", "create", name, "--role", role, "--config", str(self.daemon.config)]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()

    def start(self, *arguments: str, command: Sequence[str] = CONDAFS) -> None:
        """Start it, with another program in the place of `condafs` perhaps, and wait until it listens."""
        self.command = command
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener, self.log.open("ab") as log:
            address = f"condafs-test-{os.getpid()}-{time.monotonic_ns()}"
            listener.bind("\0" + address)
            listener.settimeout(PATIENCE_SECONDS)
            line = [*command, "serve", "--bind", "127.0.0.1:0", "--mount", str(self.daemon.envs)]
            line += ["--state", str(self.daemon.state), "--config", str(self.daemon.config), *arguments]
            self.process = subprocess.Popen(
                line,
                env={**os.environ, "NOTIFY_SOCKET": "@" + address},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=Path(__file__).parents[3],
            )
            try:
                message = listener.recv(4096).decode()
            except TimeoutError:
                self.clear()
                raise AssertionError("the server does not become ready:\n" + self.log.read_text()) from None
        found = re.search(r"http://[\d.]+:\d+", message)
        assert found, message
        self.url = found[0]

    def stop(self) -> int:
        """As `systemctl stop` does; the exit status."""
        assert self.process
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(PATIENCE_SECONDS)

    def kill(self) -> None:
        """As a crash would."""
        assert self.process
        self.process.kill()
        self.process.wait()

    def clear(self) -> None:
        if self.process and self.process.poll() is None:
            self.kill()

    def request(  # noqa: PLR0913 - all by keyword but what every request has
        self,
        method: str,
        path: str,
        document: Any = None,
        *,
        token: str | None = None,
        headers: Mapping[str, str] | None = None,
        timeout: float = PATIENCE_SECONDS,
    ) -> Answer:
        """Ask; with the administrator's token unless another (or "", none) is given."""
        host, _, port = self.address.partition(":")
        connection = http.client.HTTPConnection(host, int(port), timeout=timeout)
        shown = {**({"authorization": f"Bearer {self.token if token is None else token}"} if token != "" else {})}
        body = None
        if document is not None:
            body = json.dumps(document).encode()
            shown["content-type"] = "application/json"
        try:
            connection.request(method, path, body, {**shown, **(headers or {})})
            response = connection.getresponse()
            content = response.read()
            return Answer(response.status, {key.lower(): value for key, value in response.getheaders()}, content)
        finally:
            connection.close()

    def get(self, path: str, **more: Any) -> Answer:
        return self.request("GET", path, **more)

    def submit(self, text: str, *, token: str | None = None) -> Any:
        """Submit a specification; `data` of the answer."""
        return self.request("POST", "/api/v1/specification/", {"specification": text}, token=token).data
