"""A mounted tree in a process of its own, and what must be true after every test that used it."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml

from condafs.filesystem.mounting import mount_at, unmount
from tests.forked import Forked

ROOT_OF_PROJECT = Path(__file__).parents[2]
PATIENCE_SECONDS = 60
PAUSE_SECONDS = 0.01


def until(condition: Callable[[], bool], what: str = "it") -> None:
    """Wait for what the daemon does in its own time; there is no event to wait for outside of it."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not condition():
        assert time.monotonic() < deadline, f"{what} did not happen in {PATIENCE_SECONDS} s"
        time.sleep(PAUSE_SECONDS)


@dataclass
class Daemon:
    """A daemon that serves a tree.

    Attributes:
        mount, state: Its directories.
        expects_warnings: Whether a test provokes what somebody would have to look at.
        has_ended: Whether a test ended it by itself.
        settings: Text of its settings file.
    """

    mount: Path
    state: Path
    process: "subprocess.Popen[bytes] | Forked"
    log: Path
    expects_warnings: bool = False
    has_ended: bool = False
    descriptors: int = field(default=0)
    settings: str = ""

    @property
    def specs(self) -> Path:
        return self.mount / ".specs"

    def status(self, name: str = "foo") -> dict[str, object]:
        document = yaml.safe_load((self.mount / ".status" / name).read_text())
        assert isinstance(document, dict)
        return document

    def until_state(self, state: str, name: str = "foo") -> dict[str, object]:
        until(lambda: self.status(name)["state"] == state, f"{name} is {state}")
        return self.status(name)

    def content(self, name: str = "foo") -> str:
        """What the current build was made from."""
        return (self.mount / name / "specification").read_text()

    def generations(self, name: str = "foo") -> list[str]:
        return os.listdir(self.mount / ".history" / name)

    def write(self, *dependencies: str, name: str = "foo", script: str = "", file: str = "") -> Path:
        """Write a specification and wait until nothing more happens."""
        path = self.specs / (file or f"{name}.yaml")
        path.write_text(specification(*dependencies, name=name, script=script))
        if script != "hang":
            until(lambda: self.status(name)["state"] not in {"queued", "building"}, f"{name} is settled")
        return path

    def count_descriptors(self) -> int:
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def restart(self) -> None:
        """End it, when it has not ended, and start it again."""
        if not self.has_ended:
            assert self.end() == 0
        self.process = start(self.mount, self.state, self.log, self.settings).process
        self.has_ended = False
        self.descriptors = self.warm_up()

    def warm_up(self) -> int:
        """Descriptors of a daemon that nobody uses. libfuse keeps a pipe from the first write on."""
        (self.specs / "first").write_text("x")
        (self.specs / "first").unlink()
        return self.count_descriptors()

    def end(self, number: int = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        self.has_ended = True
        return self.process.wait(PATIENCE_SECONDS)


def specification(*dependencies: str, name: str = "foo", script: str = "") -> str:
    """YAML text."""
    lines = [f"name: {name}", "channels: [made-up]", "dependencies:"]
    lines += [f"  - {dependency}" for dependency in dependencies or ("python",)]
    lines += [f"variables: {{SCRIPT: {script}}}"] if script else []
    return "\n".join(lines) + "\n"


def start(  # noqa: PLR0913 - what a daemon is started with
    mount: Path, state: Path, log: Path, settings: str = "", *, inside: Sequence[str] = (), uid: int = 0
) -> Daemon:
    """Start a daemon and wait until its tree can be seen.

    Args:
        mount, state, log: Where.
        settings: Text of its settings file.
        inside: Command that runs it.
        uid: Who runs it, when it is somebody else.
    """
    arguments = [str(mount), str(state), f"--settings={settings}", f"--uid={uid}"]
    environment = {**os.environ, "NOTIFY_SOCKET": f"@condafs-test-{log}"}
    process: subprocess.Popen[bytes] | Forked
    with log.open("a") as output, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as notifications:
        notifications.bind(f"\0condafs-test-{log}")
        notifications.settimeout(PATIENCE_SECONDS)
        if inside:
            process = subprocess.Popen(
                [*inside, sys.executable, "-m", "tests.mounted.scripted", *arguments],
                stdout=output,
                stderr=output,
                cwd=ROOT_OF_PROJECT,
                env=environment,
                start_new_session=True,
            )
        else:
            process = Forked("tests.mounted.scripted", arguments, (log, log), environment)
        try:
            while b"READY=1" not in notifications.recv(4096):
                pass
        except TimeoutError:
            process.kill()
            process.wait()
            pytest.fail(log.read_text())
    return Daemon(mount, state, process, log, settings=settings)


def processes_of_session(session: int) -> list[int]:
    """Processes that a daemon left."""
    found = []
    for directory in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            fields = (directory / "stat").read_text().rpartition(") ")[2].split()
            if int(fields[3]) == session and fields[0] != "Z":
                found.append(int(directory.name))
    return found


@pytest.fixture
def settings() -> str:
    """Text of the daemon's settings file; tests that need another override this."""
    return ""


@pytest.fixture
def daemon(tmp_path: Path, settings: str) -> Iterator[Daemon]:
    """A daemon; afterwards it has ended with 0 and left nothing."""
    mount, state = tmp_path / "envs", tmp_path / "state"
    mount.mkdir()
    served = start(mount, state, tmp_path / "log", settings)
    served.descriptors = served.warm_up()
    try:
        yield served
        if not served.has_ended:
            until(lambda: served.count_descriptors() <= served.descriptors, "descriptors are closed")
            assert served.end() == 0
            assert mount_at(mount) is None
        assert processes_of_session(served.process.pid) == []
        text = served.log.read_text()
        if not served.expects_warnings:
            assert "WARNING" not in text
        assert "Traceback" not in text
    finally:
        served.process.kill()
        served.process.wait()
        while mount_at(mount):
            unmount(mount)
