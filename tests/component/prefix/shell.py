"""Real shells, and what is in their environment."""

import os
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

PATH = "/usr/local/bin:/usr/bin:/bin"
POSIX = ("sh", "bash", "dash", "zsh")


@dataclass(frozen=True)
class Shell:
    """One installed shell.

    Attributes:
        dumps: Directory that `dump` writes into.
    """

    name: str
    dumps: Path

    def run(self, script: str, environment: Mapping[str, str] | None = None, *, options: str = "-eu") -> str:
        """Run a script, by default where every failing command and unset variable ends the shell."""
        flags = [] if self.name == "fish" else [options]
        path = {} if environment and "PATH" in environment else {"PATH": PATH}
        done = subprocess.run(
            [shutil.which(self.name) or self.name, *flags, "-c", script],
            env={**path, "HOME": str(self.dumps), **(environment or {})},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        return done.stdout

    def dump(self, name: str) -> str:
        """A command that keeps all exported variables for `exported`."""
        return f"/usr/bin/env -0 > '{self.dumps}/{name}'\n"

    def exported(self, name: str) -> dict[str, str]:
        """What `dump` kept, without what shells change by themselves."""
        items = (self.dumps / name).read_bytes().split(b"\0")[:-1]
        variables = dict(os.fsdecode(item).split("=", 1) for item in items)
        return {name: value for name, value in variables.items() if name not in {"_", "SHLVL", "OLDPWD"}}


def find_shell(name: str, dumps: Path) -> Shell:
    """The shell, or a skipped test where it is not installed."""
    if not shutil.which(name):
        pytest.skip(f"{name} is not installed")
    dumps.mkdir()
    return Shell(name, dumps)
