"""The daemon is killed at each step of a build: the truth is kept, nothing leaks, the build is made all the same."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.end_to_end.serving import Daemon
from tests.end_to_end.wheel import make_wheel

STEPS = [
    "before 1",  # the submission
    "after 1",
    "before 2",  # the try begins
    "after 2",
    "phase solve",
    "phase fetch",
    "phase link",
    "phase post-link",
    "phase pip",
    "phase bytecode",
    "phase seal",
    "outcome",
    "before 3",  # the publication
    "after 3",
]


@dataclass
class House:
    """A state directory that the tests of this module share, and how many specifications were written into it."""

    daemon: Daemon
    wheel: Path
    channel_url: str
    written: int = 0

    def write_specification(self) -> None:
        """One that goes through every phase, and was never written before."""
        self.written += 1
        text = f"""
name: foo
channels: ['{self.channel_url}']
dependencies: [python, pip, zz-noarch-py, zz-postlink, {{pip: ['--no-index', '{self.wheel}']}}]
variables: {{NUMBER: '{self.written}'}}
"""
        with contextlib.suppress(OSError):  # the daemon may die before the file is closed
            (self.daemon.specs / "foo.yaml").write_text(text)

    def current(self) -> str:
        link = self.daemon.envs / "foo"
        return os.readlink(link) if link.is_symlink() else ""

    def processes(self) -> list[str]:
        """Command lines of whatever runs below the state directory, and of builders."""
        found = []
        for process in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                command = (process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                if str(self.daemon.state) in command or self._is_builder(process):
                    found.append(command)
        return found

    def _is_builder(self, process: Path) -> bool:
        """Builders have their log, which is below the state directory, as standard error."""
        return str(self.daemon.state / "logs") in os.readlink(process / "fd" / "2")


@pytest.fixture(scope="module")
def house(open_directory: Path, channel_url: str) -> Iterator[House]:
    directory = open_directory / "c"
    daemon = Daemon(directory, "backoff-initial-seconds: 0.1\njobs: 1\n")
    directory.chmod(0o755)
    yield House(daemon, make_wheel(directory), channel_url)  # what root builds with pip reads what everybody may
    daemon.clear()


@pytest.mark.parametrize("step", STEPS)
def test_a_daemon_that_is_killed_at_any_step_keeps_the_truth(house: House, step: str) -> None:
    daemon = house.daemon
    program = [sys.executable, "-m", "tests.end_to_end.killed_daemon", *step.split()]
    daemon.start([*program, str(daemon.envs), str(daemon.state), str(daemon.config)])
    before = house.current()
    house.write_specification()
    assert daemon.wait_for_end() == -signal.SIGKILL

    daemon.start()
    if before:
        assert (daemon.envs / before / "bin" / "python").exists()
    ready = daemon.wait_until_ready("foo")
    assert ready["current"]["generation"] == ready["generations"] == house.written
    assert f'"NUMBER": "{house.written}"' in (daemon.envs / "foo" / "conda-meta" / "state").read_text()
    python = daemon.envs / "foo" / "bin" / "python"
    ran = subprocess.run([python, "-c", "import zzpip; print(zzpip.answer)"], capture_output=True, check=True)
    assert ran.stdout == b"42\n"
    assert daemon.stop() == 0
    assert_nothing_leaked(house)


def test_a_builder_that_is_killed_costs_one_try(house: House) -> None:
    daemon = house.daemon
    daemon.start()
    house.write_specification()
    daemon.wait_for("foo", lambda status: status.get("building", {}).get("phase") is not None)
    for pid in descendants_of(daemon):
        with contextlib.suppress(ProcessLookupError):  # it has gone with those above it
            os.kill(pid, signal.SIGKILL)
    ready = daemon.wait_until_ready("foo")
    log = (daemon.envs / ".logs" / f"{ready['current']['build']}.log").read_text()
    assert "SIGKILL" in log
    assert "try 2 of 5" in log
    assert daemon.stop() == 0
    assert_nothing_leaked(house)


def test_the_end_of_the_daemon_costs_no_try(house: House) -> None:
    daemon = house.daemon
    daemon.start()
    house.write_specification()
    daemon.wait_for("foo", lambda status: status.get("building", {}).get("phase") is not None)
    assert daemon.stop() == 0
    assert not house.processes()

    daemon.start()
    ready = daemon.wait_until_ready("foo")
    log = (daemon.envs / ".logs" / f"{ready['current']['build']}.log").read_text()
    assert "interrupted" in log
    assert "try 2 of 5" not in log
    assert daemon.stop() == 0
    assert_nothing_leaked(house)


def descendants_of(daemon: Daemon) -> list[int]:
    """Builders, and what stands around them: those below come first."""
    assert daemon.process
    found, above = list[int](), [daemon.process.pid]
    while above:
        command = ["ps", "--ppid", ",".join(map(str, above)), "-o", "pid="]
        above = [
            int(pid) for pid in subprocess.run(command, capture_output=True, text=True, check=False).stdout.split()
        ]
        found = above + found
    return found


def assert_nothing_leaked(house: House) -> None:
    state = house.daemon.state
    assert not house.daemon.is_mounted()
    deadline = time.monotonic() + 5
    while house.processes() and time.monotonic() < deadline:
        time.sleep(0.05)  # the kernel ends what a dead daemon's builder left, in its own time
    assert not house.processes()
    builds = list((state / "builds").iterdir())
    assert len(builds) == house.written, builds
    assert all((build / "conda-meta" / "condafs" / "build.json").exists() for build in builds)
    drafts = [path for path in (state / "packages").rglob("*") if path.name.startswith((".making-", "tmp"))]
    assert not drafts
