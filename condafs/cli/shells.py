"""Which shell condafs was started from: the nearest ancestor that is one (proc_pid_stat(5))."""

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal

Shell = Literal["sh", "bash", "zsh", "fish"]

_SHELLS: Mapping[str, Shell] = {
    "sh": "sh",
    "dash": "sh",
    "ash": "sh",
    "busybox": "sh",
    "ksh": "sh",
    "mksh": "sh",
    "bash": "bash",
    "rbash": "bash",
    "zsh": "zsh",
    "fish": "fish",
}


def detect_shell(process: int | None = None, proc: Path = Path("/proc")) -> Shell:
    """The shell that reads what is printed.

    Args:
        process: Where to begin; None: the parent of this process.
        proc: Where processes are described.

    Returns:
        The nearest ancestor's kind, else what `$SHELL` names, else `sh`, whose code all but fish understand.
    """
    for command in _ancestors(os.getppid() if process is None else process, proc):
        if command in _SHELLS:
            return _SHELLS[command]
    return _SHELLS.get(Path(os.environ.get("SHELL", "")).name, "sh")


def _ancestors(process: int, proc: Path) -> Iterator[str]:
    while process > 1:
        try:
            stat = (proc / str(process) / "stat").read_text(errors="replace")
        except OSError:
            return
        # The command stands in parentheses and may hold parentheses and blanks itself.
        start, end = stat.index("("), stat.rindex(")")
        yield stat[start + 1 : end]
        process = int(stat[end + 1 :].split()[1])
