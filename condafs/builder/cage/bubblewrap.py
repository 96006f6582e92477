"""bubblewrap around the builder (bwrap(1)): mounts, processes and IPC of its own, when it is installed and may.

Everything can be read as before, because channels may be anywhere. Nothing can be written but builds, packages, and
files beside them; the catalog and the specifications, which belong to their owners, are not there. Processes outside
are neither seen nor reached, and none survives the builder. Root stays root, without capabilities; others get a user
namespace.

Not `--die-with-parent`: that is the end of the *thread* that started it (prctl(2), PR_SET_PDEATHSIG), and the builder
watches its daemon by itself.
"""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

PROGRAM = "bwrap"
_PATIENCE_SECONDS = 20


def bubblewrap_command(writable: Path, read_only: Sequence[Path], hidden: Sequence[Path]) -> list[str]:
    """What is put before a command.

    Args:
        writable: Existing directory that may be changed. One: nothing can be linked from one mount to another.
        read_only: Existing directories in it that may not.
        hidden: Existing directories that are empty inside.
    """
    command = [PROGRAM, "--ro-bind", "/", "/", "--dev", "/dev", "--proc", "/proc"]
    command += ["--bind", str(writable), str(writable)]
    for path in read_only:
        command += ["--ro-bind", str(path), str(path)]
    for path in hidden:
        command += ["--tmpfs", str(path), "--remount-ro", str(path)]
    command += ["--unshare-pid", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup-try"]
    if os.geteuid() == 0:
        command += ["--cap-drop", "ALL", "--cap-add", "CAP_DAC_OVERRIDE", "--cap-add", "CAP_DAC_READ_SEARCH"]
    return [*command, "--"]


def why_not(command: Sequence[str]) -> str:
    """Why that cannot be used here, "" when it can: it is tried."""
    if not shutil.which(PROGRAM):
        return "bubblewrap is not installed"
    try:
        done = subprocess.run(  # noqa: S603 - ours
            [*command, "true"], capture_output=True, check=False, timeout=_PATIENCE_SECONDS, stdin=subprocess.DEVNULL
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"bubblewrap does not work here: {error}"
    words = done.stderr.decode(errors="replace").strip()
    return f"bubblewrap does not work here: {words or done.returncode}" if done.returncode else ""
