"""A daemon of one's own, as a person starts it; killed, ended and started again over one state directory."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import yaml

from tests.forked import Forked

PATIENCE_SECONDS = 90

CONDAFS = (sys.executable, "-m", "condafs")


class Daemon:
    """`condafs mount` over `directory`, which holds `envs`, `state`, `condafs.yaml` and `daemon.log`.

    Args:
        directory: Its path should be short: prefixes are below it.
        settings: Text of the settings file.
    """

    def __init__(self, directory: Path, settings: str = "") -> None:
        self.envs = directory / "envs"
        self.state = directory / "state"
        self.log = directory / "daemon.log"
        self.envs.mkdir(parents=True, exist_ok=True)
        self.config = directory / "condafs.yaml"
        self.config.write_text(settings)
        self.process: subprocess.Popen[bytes] | Forked | None = None

    @property
    def specs(self) -> Path:
        return self.envs / ".specs"

    def arguments(self) -> list[str]:
        return ["mount", str(self.envs), "--state", str(self.state), "--config", str(self.config)]

    def start(self, command: Sequence[str] = ()) -> None:
        """Start it, or another program in its place, and wait until it is ready."""
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener, self.log.open("ab") as log:
            address = f"condafs-test-{os.getpid()}-{time.monotonic_ns()}"
            listener.bind("\0" + address)
            listener.settimeout(0.2)
            environment = {**os.environ, "NOTIFY_SOCKET": "@" + address}
            if command:
                self.process = subprocess.Popen(
                    command,
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    cwd=Path(__file__).parents[2],
                )
            else:
                self.process = Forked("condafs.cli", self.arguments(), (self.log, self.log), environment)
            self._wait_until_ready(listener)

    def _wait_until_ready(self, listener: socket.socket) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < deadline and self.process and self.process.poll() is None:
            try:
                message = listener.recv(4096)
            except TimeoutError:
                continue
            if b"READY=1" in message:
                return
        raise AssertionError("the daemon does not become ready:\n" + self.log.read_text())

    def wait_for_end(self) -> int:
        """Its exit status, when it ends by itself."""
        assert self.process
        return self.process.wait(PATIENCE_SECONDS)

    def kill(self) -> None:
        """As a crash would."""
        assert self.process
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """As `systemctl stop` does; the exit status."""
        assert self.process
        self.process.send_signal(signal.SIGTERM)
        return self.wait_for_end()

    def clear(self) -> None:
        """End what is left, unmount what is left."""
        if self.process and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        if self.is_mounted():
            subprocess.run(["fusermount3", "-uz", self.envs], check=False)

    def is_mounted(self) -> bool:
        return any(line.split()[4] == str(self.envs) for line in Path("/proc/self/mountinfo").read_text().splitlines())

    def status(self, name: str) -> dict[str, Any]:
        document: dict[str, Any] = yaml.safe_load((self.envs / ".status" / name).read_text())
        return document

    def wait_for(self, name: str, is_reached: Callable[[dict[str, Any]], bool]) -> dict[str, Any]:
        """The status of an environment, as soon as it is as wished."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        document: dict[str, Any] = {}
        while time.monotonic() < deadline:
            try:
                document = self.status(name)
            except FileNotFoundError:
                document = {}
            if document and is_reached(document):
                return document
            time.sleep(0.02)  # another process works; nothing here can be told when it is done
        raise AssertionError("\n".join([str(document), self.log.read_text(), *self._what_builders_say()]))

    def _what_builders_say(self) -> list[str]:
        """The ends of their logs, and who works and waits where; for who wonders why nothing happens."""
        logs = sorted((self.state / "logs").glob("*.log"), key=lambda path: path.stat().st_mtime)
        processes = subprocess.run(
            ["ps", "-eo", "pid,ppid,stat,etimes,wchan:20,args"], capture_output=True, check=False
        )
        return [*(f"{path}:\n{path.read_text()[-2000:]}" for path in logs[-2:]), processes.stdout.decode()[-8000:]]

    def wait_until_ready(self, name: str, digest: str = "") -> dict[str, Any]:
        """Its status, as soon as nothing is in the making and (when given) that build is current."""

        def is_reached(document: dict[str, Any]) -> bool:
            assert document["state"] != "failed", document
            return document["state"] == "ready" and (not digest or document["current"]["digest"] == digest)

        return self.wait_for(name, is_reached)
