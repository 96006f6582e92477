"""A bash that runs one command after the other, as a person at a prompt does, and whose output can be read back.

Commands arrive over a pipe, each ended by a NUL, and are `eval`ed in one shell, so that what one of them sets up
(`source activate`, `&`) is there for the next. After each, the shell prints its status between two marks. On a
terminal the shell gets a terminal of its own, so that programs show their colours and bars; what they print is passed
on as it comes.
"""

import codecs
import contextlib
import os
import pty
import re
import selectors
import signal
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from condafs.errors import CondafsError

_LOOP = (
    'while IFS= read -r -d "" -u "$1" condafs_command; do '
    'eval "$condafs_command"; printf "\\036%d\\036" "$?"; done; exit 0'
)
_STATUS = re.compile(rb"\x1e(\d+)\x1e")
"""ASCII's record separator, which no program prints by itself."""
_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\r")
"""Colours and cursor movements (ECMA-48, 5.4)."""


class BashError(CondafsError):
    """The shell ended, or a command took longer than anybody would wait."""


@dataclass(frozen=True, slots=True)
class Ran:
    """What a command left behind: its exit status and what it printed without colours, standard error included."""

    status: int
    output: str


class Bash:
    """The session; `opened` makes one."""

    def __init__(
        self, process: subprocess.Popen[bytes], commands: int, output: int, show: Callable[[str], None]
    ) -> None:
        self._process = process
        self._commands = commands
        self._output = output
        self._show = show

    def run(self, command: str, timeout_seconds: float, *, is_shown: bool = True) -> Ran:
        """Run a command, which may be several lines, and show what it prints while it does.

        Raises:
            BashError: The shell ended, or the time is up.
        """
        os.write(self._commands, command.encode() + b"\0")
        deadline = time.monotonic() + timeout_seconds
        decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")  # a read may end within a character
        received, shown_bytes = b"", 0
        while not (end := _STATUS.search(received)):
            received += self._read(command, deadline)
            printed = received.partition(b"\x1e")[0]
            text = decoder.decode(printed[shown_bytes:])
            shown_bytes = len(printed)
            if is_shown and text:
                self._show(text)
        return Ran(int(end[1]), _ESCAPE.sub("", received[: end.start()].decode(errors="replace")))

    def _read(self, command: str, deadline: float) -> bytes:
        with selectors.DefaultSelector() as selector:
            selector.register(self._output, selectors.EVENT_READ)
            if not selector.select(max(0, deadline - time.monotonic())):
                msg = f"no end in sight of: {command}"
                raise BashError(msg)
        with contextlib.suppress(OSError):  # EIO: the last one who had this terminal open is gone (pty(7))
            if content := os.read(self._output, 65536):
                return content
        msg = f"the shell ended in: {command}"
        raise BashError(msg)

    def end(self) -> None:
        """End the shell and everything that it started."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()


@contextlib.contextmanager
def opened(folder: Path, environ: Mapping[str, str], show: Callable[[str], None]) -> Iterator[Bash]:
    """A session for as long as a `with` block lasts.

    Args:
        folder: Working directory.
        environ: The shell's environment, whole.
        show: Is given what is printed, in pieces.
    """
    commands_end, commands = os.pipe()
    output, output_end = _terminal() if sys.stdout.isatty() else os.pipe()
    try:
        process = subprocess.Popen(  # noqa: S603 - to run commands is what it is for
            ["bash", "--noprofile", "--norc", "-c", _LOOP, "tour", str(commands_end)],  # noqa: S607 - from PATH, as people have it
            cwd=folder,
            env=dict(environ),
            stdin=subprocess.DEVNULL,
            stdout=output_end,
            stderr=output_end,
            pass_fds=[commands_end],
            start_new_session=True,  # Ctrl-C reaches the tour alone, which then ends the shell
        )
        os.close(output_end)
        session = Bash(process, commands, output, show)
        try:
            yield session
        finally:
            session.end()
    finally:
        for fd in (commands_end, commands, output):
            os.close(fd)


def _terminal() -> tuple[int, int]:
    """A terminal as wide as ours, that leaves line ends to ours."""
    ours, theirs = pty.openpty()
    termios.tcsetwinsize(theirs, termios.tcgetwinsize(sys.stdout.fileno()))
    modes = termios.tcgetattr(theirs)
    modes[1] &= ~termios.OPOST
    termios.tcsetattr(theirs, termios.TCSANOW, modes)
    return ours, theirs
