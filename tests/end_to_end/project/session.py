"""A shell at a terminal: lines are typed at its prompt, what appears until the next prompt is read."""

import os
import pty
import re
import select
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

PATIENCE_SECONDS = 60
MARK = "@@PROMPT@@"
_ESCAPES = re.compile(r"\x1b\[[0-9;?<>=]*[A-Za-z]|\x1b\][^\x07]*\x07|\x1b[=>()][0B]?|\r")

BEGINNINGS: Mapping[str, tuple[Sequence[str], str]] = {
    "bash": (("bash", "--norc", "--noprofile", "-i"), f"PS1='{MARK}'; bind 'set enable-bracketed-paste off'"),
    "zsh": (("zsh", "-f", "-i"), f"unsetopt zle prompt_cr prompt_sp; PS1='{MARK}'"),
    "fish": (("fish", "--no-config", "-i"), f"function fish_prompt; echo -n '{MARK}'; end"),
}
"""How each is started without anybody's settings, and made to show the mark as its prompt."""


class Session:
    """One shell.

    Args:
        shell: Which.
        environ: Its environment.
        cwd: Where it begins.
    """

    def __init__(self, shell: str, environ: Mapping[str, str], cwd: Path) -> None:
        self.shell = shell
        command, beginning = BEGINNINGS[shell]
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            os.chdir(cwd)
            os.execvpe(command[0], list(command), {**environ, "TERM": "dumb", "COLUMNS": "400", "PWD": str(cwd)})
        self._said = ""
        self._type(beginning)
        self._until(MARK)
        self.run("true")

    def run(self, line: str) -> str:
        """Type a line; what is shown until the next prompt, the prompt included, the line as it is echoed not."""
        end = f"@@{time.monotonic_ns()}@@"
        self._said = ""
        self._type(f"{line}\n")
        self._until(MARK)
        # Another empty prompt, so that all that belongs to the one before has been shown.
        before = self._said
        self._type(f"echo {end}x\n")
        self._until(f"{end}x\n")
        self._until(MARK)
        shown = before.replace(f"{line}\n", "", 1)
        return shown

    def ask(self, line: str) -> str:
        """The last line that a command prints."""
        shown = [part for part in self.run(line).split("\n") if MARK not in part and part.strip()]
        return shown[-1].strip() if shown else ""

    def _type(self, text: str) -> None:
        os.write(self._fd, text.encode() if text.endswith("\n") else f"{text}\n".encode())

    def _until(self, wanted: str) -> None:
        start = 0
        deadline = time.monotonic() + PATIENCE_SECONDS
        while wanted not in self._said[start:]:
            assert time.monotonic() < deadline, self._said
            if select.select([self._fd], [], [], 0.5)[0]:
                self._said += _ESCAPES.sub("", os.read(self._fd, 1 << 16).decode(errors="replace"))

    def end(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._fd)
