"""Where the tour plays: a directory for its time, with a channel, a state directory and a daemon that serves it.

Layout of the directory, which is also `$HOME` of the shell, so that `~/envs` is what it says::

    bin/condafs         this condafs
    channel/            the embedded channel
    condafs.yaml        settings
    envs/               the mount, unless another place was chosen
    state/
"""

import contextlib
import os
import shlex
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from condafs.demo.channel import make_channel
from condafs.errors import MachineError
from condafs.prefix.seal import remove_prefix

_READY_SECONDS = 60
_END_SECONDS = 60
_FOREIGN_VARIABLES = ("CONDA", "PYTHON", "VIRTUAL_ENV", "NOTIFY_SOCKET", "BASH_ENV", "PS1")
"""Beginnings of variables that would make the tour depend on the shell that it was started from."""


@dataclass(frozen=True, slots=True)
class Stage:
    """The place.

    Attributes:
        home: The directory.
        mount: Where environments are served.
        missing: Sentences about what the embedded channel lacks.
    """

    home: Path
    mount: Path
    missing: tuple[str, ...] = ()

    @property
    def shown_mount(self) -> str:
        """How a person types it."""
        return "~/envs" if self.mount == self.home / "envs" else shlex.quote(str(self.mount))

    @property
    def daemon_arguments(self) -> list[str]:
        """What stands after `condafs` to serve it."""
        arguments = ["mount", self.mount, "--state", self.home / "state", "--config", self.home / "condafs.yaml"]
        return [str(argument) for argument in arguments]

    def environ(self) -> dict[str, str]:
        """For the shell: a home of its own, this condafs, and no environment activated."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(_FOREIGN_VARIABLES)}
        path = f"{self.home / 'bin'}:{kept.get('PATH', os.defpath)}"
        return kept | {"HOME": str(self.home), "PATH": path, "CONDAFS_MOUNT": str(self.mount)}


@contextlib.contextmanager
def prepared(channel: str | None, mountpoint: Path | None) -> Iterator[Stage]:
    """Make the directory, and remove it at the end.

    Args:
        channel: Name or URL of a channel; None for the embedded one, which is then made.
        mountpoint: Where to mount instead of in the directory.
    """
    # Packages have room for 255 bytes of prefix only, and programs for 127 in their first line: so near the root.
    home = Path(tempfile.mkdtemp(prefix="condafs-"))
    try:
        missing: list[str] = []
        if channel is None:
            missing = make_channel(home / "channel")
            channel = (home / "channel").as_uri()
        (home / "condafs.yaml").write_text(f"default-channels: [{channel!r}]\n")
        program = home / "bin" / "condafs"
        program.parent.mkdir()
        program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -m condafs "$@"\n')
        program.chmod(0o755)
        mount = mountpoint or home / "envs"
        with _directory(mount):
            yield Stage(home, mount, tuple(missing))
    finally:
        remove_prefix(home)


@contextlib.contextmanager
def _directory(path: Path) -> Iterator[None]:
    """A directory, which is removed again when it was not there before."""
    is_new = not path.exists()
    path.mkdir(parents=True, exist_ok=True)
    try:
        yield
    finally:
        if is_new:
            path.rmdir()


@contextlib.contextmanager
def served(stage: Stage, tell: Callable[[str], None]) -> Iterator[subprocess.Popen[bytes]]:
    """Run the daemon for as long as a `with` block lasts; when that ends, nothing of it is left.

    Raises:
        MachineError: It does not come up; the text holds what it said.
    """
    log = stage.home / "daemon.log"
    address = f"\0condafs-demo-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as readiness, log.open("ab") as log_file:
        readiness.bind(address)
        daemon = subprocess.Popen(  # noqa: S603 - condafs itself
            [sys.executable, "-m", "condafs", *stage.daemon_arguments],
            env={**os.environ, "NOTIFY_SOCKET": f"@{address[1:]}"},
            stdin=subprocess.DEVNULL,
            stdout=log_file,
            stderr=log_file,
            start_new_session=True,  # Ctrl-C reaches the tour alone, which then ends the daemon
        )
        try:
            if not _is_ready(daemon, readiness):
                msg = f"the mount does not come up:\n{log.read_text(errors='replace')}"
                raise MachineError(msg)
            yield daemon
        finally:
            _end(daemon, stage.mount, tell)


def _is_ready(daemon: subprocess.Popen[bytes], readiness: socket.socket) -> bool:
    readiness.settimeout(0.1)
    for _ in range(_READY_SECONDS * 10):
        with contextlib.suppress(TimeoutError):
            if b"READY=1" in readiness.recv(4096):
                return True
        if daemon.poll() is not None:
            return False
    return False


def _end(daemon: subprocess.Popen[bytes], mount: Path, tell: Callable[[str], None]) -> None:
    """End the daemon, by force when it must be, and clear the mount when force left it behind."""
    daemon.send_signal(signal.SIGTERM)
    try:
        daemon.wait(_END_SECONDS)
    except subprocess.TimeoutExpired:
        tell("The daemon does not end by itself; it is killed.")
        daemon.kill()
        daemon.wait()
    if os.path.ismount(mount):
        for command in (["fusermount3", "-uz"], ["umount", "-l"]):
            if subprocess.run([*command, mount], check=False, capture_output=True).returncode == 0:  # noqa: S603 - a path of ours
                break
