"""A machine with a systemd of its own, booted in a second out of this one; what is written there is thrown away.

`box.sh` is its inside: an overlay of the root file system, and namespaces of processes, mounts, cgroups and the
network, of which there is nothing but the loopback device.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from condafs.builder.offspring import children_of

SYSTEMD = Path("/lib/systemd/systemd")
LONGEST_LIFE_SECONDS = 7200
PATIENCE_SECONDS = 120

_CGROUPS = Path("/sys/fs/cgroup")
_CONTROLLERS = ("memory", "pids", "cpu", "devices", "freezer")
_INSIDE = Path(__file__).with_name("box.sh")
_ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "LC_ALL": "C.UTF-8"}

Completed = subprocess.CompletedProcess[str]


class Box:
    """A machine.

    Args:
        binds: Directories of this machine that are seen there, too, read-only: place there -> place here.
    """

    def __init__(self, binds: Mapping[str, Path]) -> None:
        self._binds = binds
        self._directory = Path(tempfile.mkdtemp(prefix="condafs-box-", dir="/run"))
        self._name = self._directory.name
        self._process: subprocess.Popen[bytes] | None = None
        self._leader = 0

    @property
    def _groups(self) -> list[Path]:
        """The box's place in each hierarchy."""
        if self._is_v2():
            return [_CGROUPS / self._name]
        return [_CGROUPS / kind / self._name for kind in (*_CONTROLLERS, "systemd", "unified")]

    @staticmethod
    def _is_v2() -> bool:
        return (_CGROUPS / "cgroup.controllers").exists()

    def boot(self) -> None:
        """Start it, and wait until it is up."""
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2g", "box", self._directory], check=True)
        for name in ("upper", "work", "root"):
            (self._directory / name).mkdir()
        for group in self._groups:
            group.mkdir(parents=True)
        join = "".join(f"echo $$ > {group}/cgroup.procs; " for group in self._groups)
        unshare = "unshare --pid --mount --uts --ipc --net --cgroup --fork --kill-child"
        # It ends with the tests, even when these are killed.
        keeper = ["setpriv", "--pdeathsig", "TERM", "timeout", "-k", "5", str(LONGEST_LIFE_SECONDS)]
        with (self._directory / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [*keeper, "sh", "-c", f"{join} exec {unshare} {_INSIDE}"],
                env=_ENVIRONMENT
                | {
                    "D": str(self._directory),
                    "V2": "yes" if self._is_v2() else "",
                    "CONTROLLERS": " ".join(_CONTROLLERS),
                    "BINDS": "\n".join(f"{here} {there}" for there, here in self._binds.items()),
                },
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        self.wait_until(self._is_up, "the box boots")

    def _is_up(self) -> bool:
        assert self._process
        assert self._process.poll() is None, self.log()
        unshare = children_of(self._process.pid)
        systemd = children_of(unshare[0]) if unshare else []
        if not systemd or Path(f"/proc/{systemd[0]}/comm").read_text() != "systemd\n":
            return False
        self._leader = systemd[0]
        state = self.run("systemctl", "is-system-running", check=False).stdout.strip()
        return state in ("running", "degraded")

    def log(self) -> str:
        """What systemd said on the console."""
        return (self._directory / "log").read_text(errors="replace")

    def run(self, *command: str, user: str = "", check: bool = True, text: str | None = None) -> Completed:
        """Run a command there: as root, or as somebody else, with their groups."""
        become = 'setpriv --reuid="$0" --regid="$(id -g "$0")" --init-groups --' if user else ""
        done = subprocess.run(
            [
                "nsenter",
                "-t",
                str(self._leader),
                "--all",
                "sh",
                "-c",
                f'cd / && exec {become} "$@"',
                user or "sh",
                *command,
            ],
            env=_ENVIRONMENT,
            input=text,
            stdin=subprocess.DEVNULL if text is None else None,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE_SECONDS * 2,
        )
        assert not check or done.returncode == 0, f"{command}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def path(self, inside: str) -> Path:
        """Where a place of the box can be seen from here."""
        return Path(f"/proc/{self._leader}/root{inside}")

    def show(self, unit: str, *properties: str) -> list[str]:
        """Properties of a unit."""
        done = self.run("systemctl", "show", unit, *(f"--property={name}" for name in properties))
        found = dict(line.partition("=")[::2] for line in done.stdout.splitlines())
        return [found[name] for name in properties]

    def journal(self, *matches: str) -> str:
        """Messages of the journal."""
        self.run("journalctl", "--sync")
        return self.run("journalctl", "--no-pager", "-o", "cat", *matches).stdout

    def wait_until(self, condition: Callable[[], bool], what: str) -> None:
        """Until something holds that nothing here can be told of."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not condition():
            assert time.monotonic() < deadline, f"in vain: {what}\n{self.log()}"
            time.sleep(0.05)

    def shut_down(self) -> None:
        """End it, and remove what is left of it."""
        if self._leader and self._process:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._leader, signal.SIGRTMIN + 3)  # halt.target (systemd(1))
            try:
                self._process.wait(PATIENCE_SECONDS)
            except subprocess.TimeoutExpired:
                os.kill(self._leader, signal.SIGKILL)
        if self._process:
            if self._process.poll() is None:
                self._process.terminate()
            self._process.wait(PATIENCE_SECONDS)
        for group in self._groups:
            for directory in sorted(filter(Path.is_dir, group.rglob("*")), reverse=True):
                directory.rmdir()
            group.rmdir()
        subprocess.run(["umount", "-l", self._directory], check=True)
        shutil.rmtree(self._directory)
