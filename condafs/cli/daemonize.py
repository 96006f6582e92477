"""`condafs mount --daemonize`: the daemon in the background, and the answer only when it is known.

The daemon is this same command without `--daemonize`, started anew in a session of its own; it says READY=1
(sd_notify(3), module `notify`) to a socket of ours when the mount answers. What it prints goes to `<state>/daemon.log`.
"""

import os
import secrets
import select
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from condafs.errors import CondafsError, MachineError

_LOOK_SECONDS = 0.2
"""How long the end of a daemon that never becomes ready can go unnoticed."""


def start_in_background(command: Sequence[str], log: Path) -> int:
    """Start a daemon and wait until it is ready or has ended.

    Args:
        command: Its program and arguments, with absolute paths: its working directory is `/`.
        log: Where its output is appended.

    Returns:
        0 when it is ready, else the exit code it ended with; what it printed has then been printed here too.
    """
    try:
        log.parent.mkdir(parents=True, exist_ok=True)
        stream = log.open("ab")
    except OSError as error:
        msg = f"cannot write the daemon's log {log}: {error.strerror}"
        raise MachineError(msg) from None
    with stream, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        begin = stream.seek(0, os.SEEK_END)
        # In the abstract namespace: no file that a crash would leave behind (unix(7)).
        address = f"condafs-{secrets.token_hex(8)}"
        listener.bind(f"\0{address}")
        daemon = _spawn(command, stream, f"@{address}")
        try:
            if _wait_ready(listener, daemon):
                return 0
        except KeyboardInterrupt:
            daemon.terminate()  # it has a session of its own, so Ctrl-C did not reach it
            raise
    sys.stderr.write(log.read_bytes()[begin:].decode(errors="replace"))
    code = daemon.returncode
    return 128 - code if code < 0 else code or CondafsError.exit_code


def _spawn(command: Sequence[str], stream: IO[bytes], address: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(  # noqa: S603 - our own command line
        command,
        stdin=subprocess.DEVNULL,
        stdout=stream,
        stderr=stream,
        cwd="/",
        env={**os.environ, "NOTIFY_SOCKET": address},
        start_new_session=True,
    )


def _wait_ready(listener: socket.socket, daemon: subprocess.Popen[bytes]) -> bool:
    """Whether it said that it is ready before it ended. A daemon that ends cleanly without saying so never was."""
    while True:
        has_ended = daemon.poll() is not None
        readable, _, _ = select.select([listener], [], [], 0 if has_ended else _LOOK_SECONDS)
        if readable and b"READY=1" in listener.recv(1 << 16).split(b"\n"):
            return True
        if has_ended and not readable:
            return False
