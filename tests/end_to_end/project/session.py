"""A shell at a terminal: lines are typed at its prompt, what appears until after the next prompt is read."""

import os
import pty
import re
import select
import signal
import termios
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

PATIENCE_SECONDS = 60
MARK = "@@PROMPT@@"
_ESCAPES = re.compile(r"\x1b\[[0-9;?<>=]*[A-Za-z]|\x1b\][^\x07]*\x07|\x1b[=>()][0B]?|\r")

BEGINNINGS: Mapping[str, tuple[Sequence[str], str]] = {
    "bash": (("bash", "--norc", "--noprofile", "--noediting", "-i"), "PS1='@@PRO''MPT@@'"),
    "zsh": (("zsh", "-f", "-i"), "unsetopt zle prompt_cr prompt_sp; PS1='@@PRO''MPT@@'"),
    "fish": (("fish", "--no-config", "-i"), "function fish_prompt; echo -n '@@PRO''MPT@@'; end"),
}
"""How each is started without anybody's settings, and made to show the mark as its prompt. What is waited for is never
typed as it is, because some shells show what is typed."""


class Session:
    """One shell.

    Args:
        shell: Which.
        environ: Its environment.
        cwd: Where it begins.
        aside: A directory for answers; its path needs no quotes.
    """

    def __init__(self, shell: str, environ: Mapping[str, str], cwd: Path, aside: Path) -> None:
        self.shell = shell
        self._aside = aside
        command, beginning = BEGINNINGS[shell]
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            modes = termios.tcgetattr(0)
            modes[3] &= ~termios.ECHO
            termios.tcsetattr(0, termios.TCSANOW, modes)
            os.chdir(cwd)
            os.execvpe(command[0], list(command), {**environ, "TERM": "dumb", "PWD": str(cwd)})  # noqa: S606
        self._unread = ""
        self.run(beginning)

    def run(self, line: str) -> str:
        """Type a line; all that is shown until the next prompt has been, too."""
        number = time.monotonic_ns()
        self.type(line)
        self.type(f"echo '@@E''ND{number}@@'")
        return self._until(f"@@END{number}@@\n")

    def ask(self, line: str) -> str:
        """What a command prints, which goes past the terminal."""
        answer = self._aside / str(time.monotonic_ns())
        self.run(f"begin; {line}; end > {answer}" if self.shell == "fish" else f"{{ {line}; }} > {answer}")
        return answer.read_text().strip()

    def type(self, line: str) -> None:
        """Type a line and wait for nothing."""
        os.write(self._fd, f"{line}\n".encode())

    def _until(self, wanted: str) -> str:
        """What was shown before that."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while wanted not in self._unread:
            assert time.monotonic() < deadline, self._unread
            if select.select([self._fd], [], [], 0.5)[0]:
                self._unread += _ESCAPES.sub("", os.read(self._fd, 1 << 16).decode(errors="replace"))
        before, _, self._unread = self._unread.partition(wanted)
        return before

    def end(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self._fd)
