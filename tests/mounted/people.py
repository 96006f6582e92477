"""Commands as other people, in the shell, who are in the group of `.specs` or are not."""

import grp
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

GROUP = "games"
"""Debian's base-passwd has it, and it says nothing about anybody."""

SETTINGS = f"specs-mode: 3775\nspecs-group: {GROUP}\n"

REFUSED = ("Permission denied", "Operation not permitted", "Read-only file system", "cannot create", "Bad message")


@dataclass(frozen=True)
class Person:
    """Somebody.

    Attributes:
        is_member: Whether the group of `.specs` is among the supplementary groups.
        inside: Command that runs what follows it where the mount can be seen.
    """

    uid: int
    is_member: bool = True
    inside: tuple[str, ...] = ()

    @property
    def gid(self) -> int:
        return self.uid

    def run(self, command: str, mount: Path, text: str = "", umask: int = 0o022) -> "subprocess.CompletedProcess[str]":
        """A command of the shell; `$M` is the mount."""
        groups = ["--groups", str(grp.getgrnam(GROUP).gr_gid)] if self.is_member else ["--clear-groups"]
        become = ["setpriv", "--reuid", str(self.uid), "--regid", str(self.gid), *groups]
        return subprocess.run(
            [*self.inside, *become, "sh", "-c", f"umask {umask:o}; cd /tmp; {command}"],
            input=text,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            env={"M": str(mount), "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/nonexistent", "LC_ALL": "C"},
        )

    def condafs(self, mount: Path, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """A command of condafs."""
        group = GROUP if self.is_member else ""
        module = [sys.executable, "-m", "tests.mounted.as_person", str(self.uid), group]
        return subprocess.run(
            [*module, *arguments, "--mount", str(mount)],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
            cwd=Path(__file__).parents[2],
        )


ANN, BOB, EVE = Person(20001), Person(20002), Person(20003, is_member=False)
