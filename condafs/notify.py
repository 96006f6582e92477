"""What a service tells whoever started it: readiness, a line of status, a sign of life, the end.

The protocol is sd_notify(3): datagrams of `KEY=VALUE` lines to the socket that `NOTIFY_SOCKET` names. systemd listens
there, `condafs mount --daemonize` does, and so do the tests. Without that variable every call does nothing.
"""

import contextlib
import socket
from collections.abc import MutableMapping
from dataclasses import dataclass
from typing import Self

_MICROSECONDS = 1_000_000


@dataclass(frozen=True, slots=True)
class Notifier:
    """Where to tell it.

    Attributes:
        address: A path, `@name` in the abstract namespace, or "" when nobody listens.
        watchdog_seconds: Longest silence that the listener bears; 0 when it keeps no watch.
    """

    address: str = ""
    watchdog_seconds: float = 0

    @classmethod
    def take(cls, environ: MutableMapping[str, str], pid: int) -> Self:
        """Read the environment and remove the variables, so that no child speaks in this process's name.

        Args:
            environ: `os.environ`.
            pid: This process: `WATCHDOG_PID` may mean another one, and the watchdog is then not ours to feed.
        """
        address = environ.pop("NOTIFY_SOCKET", "")
        microseconds = environ.pop("WATCHDOG_USEC", "0")
        watched_pid = environ.pop("WATCHDOG_PID", str(pid))
        is_watched = microseconds.isdigit() and watched_pid == str(pid)
        return cls(address, int(microseconds) / _MICROSECONDS if is_watched else 0)

    def ready(self, status: str = "") -> None:
        """Start-up is over: the mount answers."""
        self._send("READY=1", *([f"STATUS={_one_line(status)}"] if status else []))

    def status(self, text: str) -> None:
        """One line for `systemctl status`."""
        self._send(f"STATUS={_one_line(text)}")

    def watchdog(self) -> None:
        """Still alive; send it at least twice in `watchdog_seconds`."""
        self._send("WATCHDOG=1")

    def stopping(self) -> None:
        """Shutting down on purpose."""
        self._send("STOPPING=1")

    def _send(self, *lines: str) -> None:
        if not self.address:
            return
        address = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        # A listener that is gone or full must not stop the daemon: the message is advice.
        with (
            contextlib.suppress(OSError),
            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock,
        ):
            sock.settimeout(0)
            sock.sendto("\n".join(lines).encode(), address)


def _one_line(text: str) -> str:
    return " ".join(text.split())
