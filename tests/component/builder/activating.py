"""What systemd does for a socket unit with `Accept=yes`: a process for each connection, whose end it waits for."""

import contextlib
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from condafs.builder.protocol import Ended, encode_event

REAL = (sys.executable, "-P", "-m", "condafs.builder")


class Activator:
    """Listens at a path, and starts a command for each connection.

    Args:
        path: Of the socket.
        commands: Given the number of a connection, from 0: its command.
    """

    def __init__(self, path: Path, commands: Callable[[int], Sequence[str]]) -> None:
        self.processes: list[subprocess.Popen[bytes]] = []
        self._commands = commands
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(str(path))
        self._listener.listen()
        self._threads: list[threading.Thread] = []
        self._accepting = threading.Thread(target=self._accept)
        self._accepting.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            command = self._commands(len(self.processes))
            process = subprocess.Popen(command, stdin=connection, stdout=connection, start_new_session=True)
            self.processes.append(process)
            thread = threading.Thread(target=self._wait, args=(process, connection))
            thread.start()
            self._threads.append(thread)

    @staticmethod
    def _wait(process: subprocess.Popen[bytes], connection: socket.socket) -> None:
        with connection:
            status = process.wait()
            if status:
                ended = Ended("signal", {-9: "KILL"}[status]) if status < 0 else Ended("exit-code", str(status))
                with contextlib.suppress(OSError):
                    connection.sendall(encode_event(ended))

    def close(self) -> None:
        """Nobody is let in any more; waits for all that were started."""
        self._listener.shutdown(socket.SHUT_RDWR)
        self._accepting.join()
        self._listener.close()
        for thread in self._threads:
            thread.join()


@contextlib.contextmanager
def activating(path: Path, commands: Callable[[int], Sequence[str]]) -> Iterator[Activator]:
    """An activator for as long as a `with` block lasts."""
    activator = Activator(path, commands)
    try:
        yield activator
    finally:
        activator.close()
