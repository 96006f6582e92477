"""Where hostile packages are built: as root or as somebody, in one level of the cage, beside things to do harm to."""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import trio

from condafs.builder.cage.level import Level
from condafs.builder.cage.outside import look_outside
from condafs.builder.protocol import BuildRequest, Failed, Succeeded
from condafs.builder.runner import LocalRunner
from condafs.demo.package import Package
from condafs.names import BuildName, EnvironmentName
from condafs.prefix.seal import remove_prefix
from condafs.spec.canonical import digest_of, to_canonical
from condafs.spec.specification import Specification
from tests.channel.hostile import channel_of

SOMEBODY = 61234
"""A user with no other process on this machine."""

LONGEST_BUILD_SECONDS = 60


@dataclass(frozen=True, slots=True)
class Cell:
    """A state directory, and beside it `victim/` with files of the same user.

    Attributes:
        uid: Who builds.
        level: What the builds demand.
    """

    root: Path
    uid: int
    level: Level

    @property
    def state(self) -> Path:
        return self.root / "state"

    @property
    def packages(self) -> Path:
        return self.state / "packages"

    @property
    def builds(self) -> Path:
        return self.state / "builds"

    @property
    def victim(self) -> Path:
        return self.root / "victim"

    @property
    def log(self) -> Path:
        return self.root / "log"

    @property
    def text(self) -> str:
        """Of the log."""
        return self.log.read_text(errors="replace")

    def furnish(self) -> None:
        """Make the directories, and things to do harm to."""
        self.root.mkdir(mode=0o755)
        if self.uid:  # as when there is more room elsewhere
            (self.root / "disk").mkdir(mode=0o755)
            self.state.symlink_to("disk")
        for directory in (self.state, self.packages, self.builds, self.victim, self.state / "specs"):
            directory.mkdir(mode=0o755, exist_ok=True)
        (self.victim / "file").write_text("kept\n")
        (self.victim / "secret").write_text("hunter2\n")
        (self.state / "specs" / "ann.yaml").write_text("hunter2\n")
        other = self.builds / "other"
        other.mkdir()
        (other / "file").write_text("kept\n")
        for path in (self.root, *self.root.rglob("*")):
            os.chown(path, self.uid, self.uid, follow_symlinks=False)

    def channel(self, *packages: Package) -> str:
        """The URL of a channel of these packages."""
        channel = channel_of(self.root / "channel", *packages)
        channel.finish()
        return (self.root / "channel").as_uri()

    def request(self, channel: str, *dependencies: str, pip: Sequence[str] = (), **limits: Any) -> BuildRequest:
        """The request for an environment `foo`."""
        specification = Specification(
            EnvironmentName("foo"), "linux-64", (channel,), tuple(sorted(dependencies)), tuple(pip), (), "", ()
        )
        build = BuildName(digest_of(specification), specification.name)
        text = to_canonical(specification).decode()
        request = BuildRequest(str(build), text, str(self.builds / str(build)), str(self.packages))
        return replace(request, **{"sandbox": str(self.level), "wall_seconds": LONGEST_BUILD_SECONDS, **limits})

    def as_user(self, command: Sequence[str]) -> list[str]:
        """A command, run by the cell's user."""
        if self.uid == os.geteuid():
            return list(command)
        return ["setpriv", f"--reuid={self.uid}", f"--regid={self.uid}", "--clear-groups", *command]

    def run(self, request: BuildRequest, during: Callable[[], None] = lambda: None) -> Succeeded | Failed:
        """Build, as the daemon of that user would."""
        setting = str(self.level if self.level is Level.BUBBLEWRAP else Level.NONE)
        outside = look_outside(setting, self.state)

        def wrap(command: Sequence[str]) -> list[str]:
            return self.as_user(_unprivileged(outside.wrap(command), self.uid))

        async def run() -> Succeeded | Failed:
            remove_prefix(Path(request.prefix))
            with trio.fail_after(2 * LONGEST_BUILD_SECONDS):
                return await LocalRunner(wrap).run(request, self.log, lambda _: during())

        return trio.run(run)

    def make(self, channel: str, *dependencies: str, **limits: Any) -> Path:
        """Build something that is harmless in the end; returns the prefix."""
        request = self.request(channel, *dependencies, **limits)
        outcome = self.run(request)
        assert isinstance(outcome, Succeeded), f"{outcome}\n{self.text}"
        assert outcome.sandbox == str(self.level)
        self.assert_unharmed()
        return Path(request.prefix)

    def fail(self, channel: str, *dependencies: str, **limits: Any) -> Failed:
        """Build something that fails."""
        outcome = self.run(self.request(channel, *dependencies, **limits))
        assert isinstance(outcome, Failed), f"{outcome}\n{self.text}"
        self.assert_unharmed()
        return outcome

    def assert_unharmed(self) -> None:
        """Everything beside the build is as it was, and nothing of it is known to anybody."""
        for path in (self.victim / "file", self.builds / "other" / "file"):
            assert path.read_text() == "kept\n"
            assert path.stat().st_mode & 0o7777 == 0o644
            assert path.stat().st_nlink == 1
        assert sorted(os.listdir(self.victim)) == ["file", "secret"]
        assert os.listdir(self.builds / "other") == ["file"]
        assert "hunter2" not in self.text
        left = processes_of(self.packages)
        assert left == [], left

    def clear(self) -> None:
        subprocess.run(["rm", "--recursive", "--force", "--", self.root], check=True)  # whatever is left, however deep


@contextmanager
def furnished(who: str, level: Level) -> Iterator[Cell]:
    """A cell of `root`, or of `somebody`, in an open directory of its own."""
    uid = {"root": 0, "somebody": SOMEBODY if os.geteuid() == 0 else os.geteuid()}[who]
    if uid != os.geteuid() and (os.geteuid() or not can_build_as(uid)):
        pytest.skip("tests of root and of another user take root, and a python that both can read")
    directory = Path(tempfile.mkdtemp(prefix="condafs-"))
    directory.chmod(0o755)
    cell = Cell(directory / "c", uid, level)
    cell.furnish()
    yield cell
    cell.clear()
    directory.rmdir()


def _unprivileged(command: Sequence[str], uid: int) -> list[str]:
    """bubblewrap keeps what only root has when root asks, and refuses anybody else who asks."""
    if uid == 0:
        return list(command)
    kept, skips = [], 0
    for word in command:
        if word in ("--cap-drop", "--cap-add"):
            skips = 2
        if not skips:
            kept.append(word)
        skips = max(0, skips - 1)
    return kept


def processes_of(packages: Path) -> list[str]:
    """Command lines of processes whose scratch directory is below there."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"TMPDIR={packages}/".encode() in (process / "environ").read_bytes():
                found.append((process / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace"))
        except OSError:
            continue
    return found


def can_build_as(uid: int) -> bool:
    """Whether that user can run condafs as it is installed here."""
    command = ["setpriv", f"--reuid={uid}", f"--regid={uid}", "--clear-groups", sys.executable, "-c", "import condafs"]
    return os.geteuid() == uid or subprocess.run(command, check=False, capture_output=True).returncode == 0
