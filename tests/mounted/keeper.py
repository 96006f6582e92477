"""Who starts daemons and keeps what they give into custody, as systemd does: a descriptor store and nothing else."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

PATIENCE_SECONDS = 20
_START = """
import os, sys
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.argv[1], sys.argv[1:])
"""


class Keeper:
    """Starts daemons at a mount point, one after the other, and keeps their connection.

    Args:
        command: Program and arguments; `cwd` and environment are the tests'.
        directory: For its socket, the runtime directory and the log.
    """

    def __init__(self, command: Sequence[str], directory: Path) -> None:
        self.command = list(command)
        self.log = directory / "log"
        self.runtime = directory / "run"
        self.runtime.mkdir()
        self.store: dict[str, list[int]] = {}
        self.process: subprocess.Popen[bytes] | None = None
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(str(directory / "notify"))
        self._socket.settimeout(0.1)

    @property
    def ledger(self) -> Path:
        return self.runtime / "ledger"

    def start(self) -> None:
        """Start a daemon and wait until it is ready."""
        self.begin()
        self.wait_ready()

    def begin(self) -> None:
        """Start a daemon, with what is kept."""
        passed = [(name, descriptor) for name, kept in self.store.items() for descriptor in kept]
        environment = {
            **os.environ,
            "NOTIFY_SOCKET": self._socket.getsockname(),
            "RUNTIME_DIRECTORY": str(self.runtime),
            "PYTHONPATH": str(Path(__file__).parents[2]),
        }
        if passed:
            environment |= {"LISTEN_FDS": str(len(passed)), "LISTEN_FDNAMES": ":".join(name for name, _ in passed)}

        def place() -> None:
            for number, (_, descriptor) in enumerate(passed):
                os.dup2(descriptor, 3 + number)

        with self.log.open("a") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-c", _START, *self.command] if passed else self.command,
                stdout=output,
                stderr=output,
                cwd=Path(__file__).parents[2],
                env=environment,
                start_new_session=True,
                preexec_fn=place,  # noqa: PLW1509 - the numbers are the protocol
                pass_fds=range(3, 3 + len(passed)),
            )

    def wait_ready(self) -> None:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not self.listen():
            assert self.process is not None
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() < deadline, self.log.read_text()

    def listen(self) -> bool:
        """Take one message; whether it says that the daemon is ready."""
        try:
            message, descriptors, _, _ = socket.recv_fds(self._socket, 1 << 16, 8)
        except TimeoutError:
            return False
        lines = message.decode().splitlines()
        name = next((line.removeprefix("FDNAME=") for line in lines if line.startswith("FDNAME=")), "")
        if "FDSTORE=1" in lines:
            self.store.setdefault(name, []).extend(descriptors)
        else:
            for descriptor in descriptors:
                os.close(descriptor)
        if "FDSTOREREMOVE=1" in lines:
            self.forget(name)
        return "READY=1" in lines

    def forget(self, name: str) -> None:
        for descriptor in self.store.pop(name, ()):
            os.close(descriptor)

    def end(self, number: int = signal.SIGTERM) -> int:
        """End the daemon; its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        while self.process.poll() is None:
            self.listen()
        return self.process.returncode

    def kill(self) -> None:
        self.end(signal.SIGKILL)

    def close(self) -> None:
        """Nothing is kept any more."""
        with contextlib.suppress(AttributeError):
            if self.process.poll() is None:  # type: ignore[union-attr]
                self.kill()
        for name in tuple(self.store):
            self.forget(name)
        self._socket.close()
