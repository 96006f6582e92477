"""What a service and whoever started it tell each other: readiness, status, a sign of life, the end; descriptors.

The protocol is sd_notify(3): datagrams of `KEY=VALUE` lines to the socket that `NOTIFY_SOCKET` names. systemd listens
there, `condafs mount --daemonize` does, and so do the tests. Without that variable every call does nothing.

What is kept (`FDSTORE=1`) comes back at the next start as a passed descriptor (sd_listen_fds(3)): it outlives the
service, however that ends.
"""

import contextlib
import os
import select
import socket
from array import array
from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from typing import Self

from condafs.errors import MachineError

_MICROSECONDS = 1_000_000
_FIRST_PASSED = 3  # SD_LISTEN_FDS_START
_BARRIER_SECONDS = 5


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

    def keep(self, name: str, descriptor: int) -> None:
        """Have a copy of a descriptor kept for the next start; the listener has read of it when this returns.

        Blocking, shortly. Whether it keeps it, no listener says: systemd does not where FileDescriptorStoreMax= is 0.

        Raises:
            MachineError: The listener cannot be told.
        """
        try:
            self._deliver(["FDSTORE=1", f"FDNAME={name}"], [descriptor], _BARRIER_SECONDS)
        except OSError as error:
            msg = f"{name} cannot be kept for the next start: {self.address}: {error.strerror or error}"
            raise MachineError(msg) from None
        self._wait_until_read()

    def drop(self, name: str) -> None:
        """Have the descriptors of that name closed that are kept. Blocking, shortly."""
        self._send("FDSTOREREMOVE=1", f"FDNAME={name}")
        self._wait_until_read()

    def _wait_until_read(self) -> None:
        """Everything sent so far is read when the listener closes the pipe (sd_notify_barrier(3))."""
        if not self.address:
            return
        ours, theirs = os.pipe2(os.O_CLOEXEC)
        with os.fdopen(ours, "rb", buffering=0), os.fdopen(theirs, "wb", buffering=0) as sent:
            self._send("BARRIER=1", descriptors=[sent.fileno()])
            sent.close()
            select.select([ours], [], [], _BARRIER_SECONDS)

    def _send(self, *lines: str, descriptors: Sequence[int] = ()) -> None:
        # A listener that is gone or full must not stop the daemon: the message is advice.
        with contextlib.suppress(OSError):
            self._deliver(lines, descriptors, timeout_seconds=0)

    def _deliver(self, lines: Sequence[str], descriptors: Sequence[int], timeout_seconds: float) -> None:
        if not self.address:
            return
        address = "\0" + self.address[1:] if self.address.startswith("@") else self.address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            sock.settimeout(timeout_seconds)
            rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", descriptors))] if descriptors else []
            sock.sendmsg(["\n".join(lines).encode()], rights, 0, address)


def has_descriptors(environ: Mapping[str, str], pid: int) -> bool:
    """Whether descriptors were passed to this process."""
    return environ.get("LISTEN_PID") == str(pid)


def take_descriptors(environ: MutableMapping[str, str], pid: int) -> dict[str, int]:
    """Read which descriptors were passed to this process, and remove the variables: they are not for its children.

    Args:
        environ: `os.environ`.
        pid: This process: `LISTEN_PID` may mean another one.

    Returns:
        Names and descriptors, close-on-exec from now on; of several of one name, the last. Without a name: `unknown`,
        as systemd calls them.
    """
    is_for_us = has_descriptors(environ, pid)
    environ.pop("LISTEN_PID", None)
    count = environ.pop("LISTEN_FDS", "0")
    names = environ.pop("LISTEN_FDNAMES", "").split(":")
    if not is_for_us or not count.isdigit():
        return {}
    passed = {}
    for number in range(int(count)):
        descriptor = _FIRST_PASSED + number
        os.set_inheritable(descriptor, False)  # noqa: FBT003 - as it is called
        passed[(names[number : number + 1] or [""])[0] or "unknown"] = descriptor
    return passed


def _one_line(text: str) -> str:
    return " ".join(text.split())
