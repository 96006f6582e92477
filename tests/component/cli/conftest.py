"""Fixtures of the command line's component tests."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from condafs.cli.application import run_command_line
from tests.component.cli.fake_envs import FakeEnvs


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a command left behind."""

    code: int
    out: str
    err: str

    @property
    def words(self) -> list[list[str]]:
        """The lines of standard output, each split at two or more blanks."""
        return [re.split(r"\s{2,}", line.strip()) for line in self.out.splitlines() if line.strip()]


Run = Callable[..., Outcome]


@pytest.fixture
def envs(tmp_path: Path) -> FakeEnvs:
    return FakeEnvs.make(tmp_path)


@pytest.fixture
def run(envs: FakeEnvs, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Run a command on the fake mount, in this process."""
    monkeypatch.setenv("CONDAFS_MOUNT", str(envs.mount))

    def run_here(*arguments: str) -> Outcome:
        code = run_command_line(arguments)
        captured = capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    return run_here
