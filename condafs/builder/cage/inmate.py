"""How a program is put into its cage: the last things a forked process does before it is that program."""

import os
import signal
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from condafs.builder.cage.kernel import gain_nothing_by_execution, keep_capabilities
from condafs.builder.cage.landlock import restrict_access
from condafs.builder.cage.syscall_filter import install_filter
from condafs.builder.cage.view import View, device_paths, system_paths

CANNOT_START = 127
"""Status of what could not be started, as shells have it; standard error says why."""


@dataclass(frozen=True, slots=True)
class Order:
    """What to start: a command whose first word is an absolute path, all its variables, where, and what it may see."""

    arguments: Sequence[str]
    environment: Mapping[str, str]
    directory: Path
    view: View

    def encode(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "arguments": list(self.arguments),
            "environment": dict(self.environment),
            "directory": str(self.directory),
            "writable": [str(path) for path in self.view.writable],
            "readable": [str(path) for path in self.view.readable],
            "has_network": self.view.has_network,
        }

    @classmethod
    def decode(cls, document: Mapping[str, Any]) -> "Order":
        """The inverse."""
        writable, readable = (tuple(map(Path, document[key])) for key in ("writable", "readable"))
        view = View(writable, readable, document["has_network"])
        return cls(document["arguments"], document["environment"], Path(document["directory"]), view)


def become(order: Order, streams: Sequence[int], warden: socket.socket) -> NoReturn:
    """Become that program, in its cage. Called in a fresh child; nobody but it sees an error.

    Args:
        order: What to become.
        streams: Standard input, output and error; none of them is 0, 1 or 2.
        warden: Gets the listener of the filter.
    """
    try:
        os.setsid()  # kill(0) reaches nobody else
        for target, fd in enumerate(streams):
            os.dup2(fd, target)
        for number in (signal.SIGPIPE, signal.SIGXFSZ):  # python ignores them, and what is ignored stays so
            signal.signal(number, signal.SIG_DFL)
        os.chdir(order.directory)
        gain_nothing_by_execution()
        keep_capabilities()
        view = order.view
        system = system_paths(has_network=view.has_network)
        restrict_access([*system, *view.readable], [*view.writable, *device_paths()])
        socket.send_fds(warden, [b"."], [install_filter(has_network=view.has_network)])
        os.execve(order.arguments[0], list(order.arguments), dict(order.environment))  # noqa: S606 - the point of it
    except BaseException as error:  # noqa: BLE001 - it must never return into the warden
        os.write(2, f"{order.arguments[0]} cannot be started in its cage: {error}\n".encode())
    os._exit(CANNOT_START)
