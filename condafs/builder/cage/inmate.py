"""How a program is put into its cage: the last things a forked process does before it is that program."""

import json
import os
import signal
import socket
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, NoReturn

from condafs.builder.cage.descriptors import close_all_but
from condafs.builder.cage.kernel import gain_nothing_by_execution, keep_capabilities
from condafs.builder.cage.landlock import enforce, make_ruleset
from condafs.builder.cage.syscall_filter import filter_program, install_filter
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
            "public": [str(path) for path in self.view.public],
            "has_network": self.view.has_network,
        }

    @classmethod
    def decode(cls, document: Mapping[str, Any]) -> "Order":
        """The inverse."""
        writable, readable, public = (tuple(map(Path, document[key])) for key in ("writable", "readable", "public"))
        view = View(writable, readable, public, document["has_network"])
        return cls(document["arguments"], document["environment"], Path(document["directory"]), view)


@dataclass(frozen=True, slots=True)
class End:
    """How a program ended: status as `subprocess` counts, negative for a signal; notes say what the warden did."""

    status: int
    notes: tuple[str, ...] = ()

    def encode(self) -> bytes:
        """JSON."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def decode(cls, report: bytes) -> "End":
        """The inverse."""
        document = json.loads(report)
        return cls(document["status"], tuple(document["notes"]))


@dataclass(frozen=True, slots=True)
class Cage:
    """What is made ready before the fork, after which everything takes longer: rules and a filter."""

    ruleset: int
    program: bytes

    @classmethod
    def of(cls, view: View) -> "Cage":
        """The cage with that view; OSError when it names what cannot be written to."""
        ruleset = make_ruleset(
            [*system_paths(has_network=view.has_network), *view.readable],
            [*view.writable, *device_paths()],
            view.public,
        )
        return cls(ruleset, filter_program(has_network=view.has_network))


def become(order: Order, cage: Cage, streams: Sequence[int], warden: socket.socket) -> NoReturn:
    """Become that program, in its cage. Called in a fresh child; nobody but it sees an error.

    Args:
        order: What to become.
        cage: Made ready.
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
        enforce(cage.ruleset)
        socket.send_fds(warden, [b"."], [install_filter(cage.program)])
        close_all_but(0, 1, 2)  # whoever has another's listener answers for it, and the warden holds them all
        os.execve(order.arguments[0], list(order.arguments), dict(order.environment))  # noqa: S606 - the point of it
    except BaseException as error:  # noqa: BLE001 - it must never return into the warden
        os.write(2, f"{order.arguments[0]} cannot be started in its cage: {error}\n".encode())
    os._exit(CANNOT_START)
