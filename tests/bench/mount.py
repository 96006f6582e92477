"""A daemon of its own, with a state directory of its own, for as long as a `with` block lasts."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from condafs.prefix.layout import MARKER

READY_SECONDS = 60
BUILD_SECONDS = 900


class BenchError(Exception):
    """What was to be measured did not happen."""


@dataclass(frozen=True, slots=True)
class Mount:
    """A mount with its daemon behind it."""

    path: Path
    state: Path
    pid: int
    ready_seconds: float

    @property
    def specs(self) -> Path:
        """Where specifications are written."""
        return self.path / ".specs"

    def status(self, name: str) -> str:
        """The document `.status/<name>`."""
        return (self.path / ".status" / name).read_text()

    def build(self, name: str, specification: str) -> float:
        """Seconds from writing a new specification until its name resolves."""
        started = time.perf_counter()
        (self.specs / f"{name}.yaml").write_text(specification)
        self.wait_until_it_resolves(name)
        return time.perf_counter() - started

    def wait_until_it_resolves(self, name: str) -> str:
        """What the name points at, as soon as it does; BenchError when its build fails.

        The daemon is not asked before there is something to find: a thousand questions a second would be a tenth of a
        core that the build does not get.
        """
        started = time.monotonic()
        next_look = started + 1
        marker = ""
        while True:
            marker = marker or self._find_marker(name)
            if marker and os.path.exists(marker):
                with contextlib.suppress(FileNotFoundError):
                    return os.readlink(self.path / name)
            now = time.monotonic()
            if now > next_look:
                next_look = now + 1
                status = self.status(name)
                if "state: failed" in status or now > started + BUILD_SECONDS:
                    raise BenchError(status)
            time.sleep(max(0.001, (now - started) / 1000))  # long builds are not to be slowed down by being watched

    def _find_marker(self, name: str) -> str:
        """Path of what says that the build is complete, one day; "" before it was begun."""
        builds = self.state / "builds"
        found = [entry for entry in os.listdir(builds) if entry.endswith(f"-{name}") and not entry.startswith(".")]
        return f"{builds}/{found[0]}/{MARKER}" if found else ""

    def resident_bytes(self) -> int:
        """Memory of the daemon itself, builders not counted."""
        for line in Path(f"/proc/{self.pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
        message = f"/proc/{self.pid}/status has no VmRSS"
        raise BenchError(message)


def as_installed() -> dict[str, str]:
    """The environment of processes that are measured: their own modules have bytecode, as after an installation."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


@contextlib.contextmanager
def mounted(directory: Path, settings: str = "") -> Iterator[Mount]:
    """Start a daemon with its state below `directory`, and end it.

    Args:
        directory: Holds `state`, `envs` and `daemon.log`; what is there already is served.
        settings: Text of the settings file.
    """
    state, path, log = directory / "state", directory / "envs", directory / "daemon.log"
    path.mkdir(parents=True, exist_ok=True)
    settings_file = directory / "condafs.yaml"
    settings_file.write_text(settings)
    arguments = ["mount", str(path), "--state", str(state), "--config", str(settings_file)]
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener, log.open("ab") as log_file:
        # A socket's path may have 108 bytes only (unix(7)); the abstract namespace does not care where we are.
        address = f"\0condafs-bench-{os.getpid()}-{time.monotonic_ns()}"
        listener.bind(address)
        listener.settimeout(READY_SECONDS)
        started = time.perf_counter()
        daemon = subprocess.Popen(
            [sys.executable, "-m", "condafs", *arguments],
            env=as_installed() | {"NOTIFY_SOCKET": "@" + address[1:]},
            stdin=subprocess.DEVNULL,
            stdout=log_file,
            stderr=log_file,
        )
        try:
            _wait_until_ready(listener, log)
            yield Mount(path, state, daemon.pid, time.perf_counter() - started)
        finally:
            daemon.send_signal(signal.SIGTERM)
            code = daemon.wait(READY_SECONDS)
    if code:
        message = f"the daemon ended with {code}:\n{log.read_text()}"
        raise BenchError(message)


def _wait_until_ready(listener: socket.socket, log: Path) -> None:
    while True:
        try:
            message = listener.recv(4096)
        except TimeoutError:
            text = f"the daemon was not ready after {READY_SECONDS} s:\n{log.read_text()}"
            raise BenchError(text) from None
        if b"READY=1" in message.split(b"\n"):
            return
