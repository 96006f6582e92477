"""What starts other people's programs for the builder: in a cage, or as they are when there is to be none."""

import itertools
import json
import os
import signal
import socket
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from condafs.builder.cage.inmate import End, Order
from condafs.builder.shared_files import call_without_override


@dataclass(frozen=True, slots=True)
class Limits:
    """What all programs of a build may use; 0 for no limit.

    Attributes:
        processes: And threads, at a time, together.
        memory_bytes: Each process, see `limit_memory`.
        file_bytes: Each file.
    """

    processes: int = 0
    memory_bytes: int = 0
    file_bytes: int = 0


class Running(Protocol):
    """A program that was started."""

    def wait(self) -> End:
        """Wait until it has ended, and, when it was caged, everything that it left behind."""
        ...

    def kill(self) -> None:
        """End it, if it has not ended."""
        ...


class Keeper(Protocol):
    """Starts programs."""

    def start(self, order: Order, streams: Sequence[int]) -> Running:
        """Start one.

        Args:
            order: What, and what it may see.
            streams: Standard input, output and error; they stay open here.

        Raises:
            OSError: It cannot be started; or it ends with `CANNOT_START`.
        """
        ...


class NoKeeper:
    """Starts programs that may do whatever their user may."""

    def start(self, order: Order, streams: Sequence[int]) -> Running:
        """See `Keeper`; the view counts for nothing."""
        return _Free(call_without_override(lambda: _open_process(order, streams)))


def _open_process(order: Order, streams: Sequence[int]) -> "subprocess.Popen[bytes]":
    standard_input, output, errors = streams
    return subprocess.Popen(  # noqa: S603 - running what packages bring is the point
        list(order.arguments),
        stdin=standard_input,
        stdout=output,
        stderr=errors,
        env=dict(order.environment),
        cwd=order.directory,
    )


@dataclass(frozen=True, slots=True)
class _Free:
    process: "subprocess.Popen[bytes]"

    def wait(self) -> End:
        return End(self.process.wait())

    def kill(self) -> None:
        self.process.kill()


class CageKeeper:
    """Has a warden start them; any thread may ask.

    Args:
        warden: What `fork_warden` returned.
    """

    def __init__(self, warden: socket.socket) -> None:
        self._warden = warden
        self._numbers = itertools.count()

    def close_ring(self, writable: Sequence[Path], limits: Limits) -> None:
        """The warden and all that it starts change nothing but these directories from now on, and use no more."""
        self._send({"ring": [str(path) for path in writable], **asdict(limits)}, [])

    def close(self) -> None:
        """No order comes any more: the warden ends all that it started, and then itself. The ring keeps us from it."""
        self._warden.shutdown(socket.SHUT_RDWR)

    def start(self, order: Order, streams: Sequence[int]) -> Running:
        """See `Keeper`."""
        report, end_of_report = os.pipe()
        try:
            number = next(self._numbers)
            self._send(order.encode() | {"number": number}, [*streams, end_of_report])
        except OSError:
            os.close(report)
            raise
        finally:
            os.close(end_of_report)
        return _Caged(report, lambda: self._send({"end": number}, []))

    def _send(self, document: dict[str, object], descriptors: Sequence[int]) -> None:
        fd = os.memfd_create("order")
        with os.fdopen(fd, "wb") as file:  # a specification's variables may be more than a message can hold
            file.write(json.dumps(document).encode())
            file.flush()
            socket.send_fds(self._warden, [b"."], [fd, *descriptors])


class _Caged:
    def __init__(self, report: int, kill: Callable[[], None]) -> None:
        self._report = report
        self.kill = kill
        self._end: End | None = None

    def wait(self) -> End:
        if self._end is None:
            with os.fdopen(self._report, "rb") as file:
                text = file.read()
            self._end = _read_end(text)
        return self._end


def _read_end(report: bytes) -> End:
    # Nothing: the warden was killed, as by a machine without memory, and all that it watched over with it.
    return End.decode(report) if report else End(-signal.SIGKILL, ("its warden was killed",))
