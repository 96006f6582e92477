"""The command line on a real mount, whose builds do what the specification says."""

import json
import os
from dataclasses import dataclass
from pathlib import Path

import pytest

from condafs.cli.application import run_command_line
from tests.mounted.conftest import Daemon, specification


@dataclass(frozen=True, slots=True)
class Outcome:
    code: int
    out: str
    err: str


class Command:
    """Runs commands on the daemon's mount, in this process."""

    def __init__(self, daemon: Daemon, capsys: pytest.CaptureFixture[str], place: Path) -> None:
        self._daemon = daemon
        self._capsys = capsys
        self._place = place

    def __call__(self, *words: str) -> Outcome:
        code = run_command_line([*words, "--mount", str(self._daemon.mount)])
        captured = self._capsys.readouterr()
        return Outcome(code, captured.out, captured.err)

    def build(self, *dependencies: str, script: str = "", name: str = "foo") -> Outcome:
        file = self._place / f"{name}.yaml"
        file.write_text(specification(*dependencies, script=script, name=name))
        return self("build", str(file), "--wait")


@pytest.fixture
def command(daemon: Daemon, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Command:
    return Command(daemon, capsys, tmp_path)


def test_build_waits_until_the_name_resolves(command: Command, daemon: Daemon) -> None:
    outcome = command.build("python")
    assert outcome.code == 0
    assert "foo is ready" in outcome.err
    assert '"python"' in daemon.content()


def test_building_the_same_again_is_settled_at_once(command: Command, daemon: Daemon, tmp_path: Path) -> None:
    command.build("python")
    outcome = command("build", str(tmp_path / "foo.yaml"))
    assert outcome.err.startswith("foo is ready")
    assert len(daemon.generations()) == 1


def test_a_build_that_fails_tells_why(command: Command) -> None:
    outcome = command.build("numpy", script="fail")
    assert outcome.code == 1
    assert "failed: unsatisfiable\nthere is no numpy 99" in outcome.err
    assert "script: fail" in command("logs", "foo").out


def test_a_failed_build_submitted_again_is_waited_for_again(command: Command, tmp_path: Path) -> None:
    command.build("numpy", script="fail")
    first = json.loads(command("status", "foo", "--json").out)["last_error"]
    outcome = command("build", str(tmp_path / "foo.yaml"), "--wait")
    assert outcome.code == 1
    assert first["attempts"] == 1


def test_what_only_the_mount_can_refuse_is_shown_as_it_says(command: Command, tmp_path: Path) -> None:
    command.build("python")
    other = tmp_path / "other.yaml"
    other.write_text(specification("numpy"))
    outcome = command("build", str(other))
    assert outcome.code == 2
    assert "foo.yaml" in outcome.err


def test_rollback_and_back(command: Command, daemon: Daemon) -> None:
    command.build("python")
    command.build("numpy")
    assert command("rollback", "foo").code == 0
    assert '"python"' in daemon.content()
    history = command("history", "foo").out.splitlines()
    assert history[1].startswith("*")
    assert command("rollback", "foo", "2").code == 0
    assert '"numpy"' in daemon.content()
    assert sorted(os.listdir(daemon.mount)) == [name for name in sorted(os.listdir(daemon.mount)) if name[:2] != "Cu"]


def test_cancel_ends_a_build(command: Command, daemon: Daemon, tmp_path: Path) -> None:
    (tmp_path / "foo.yaml").write_text(specification(script="hang"))
    assert command("build", str(tmp_path / "foo.yaml")).code == 0
    daemon.until_state("building")
    assert "link 1/2 numpy" in command("status").out
    assert command("cancel", "foo").code == 0
    daemon.until_state("cancelled")
    assert command("cancel", "foo").code == 3


def test_update_makes_a_new_specification(command: Command, daemon: Daemon) -> None:
    command.build("python")
    outcome = command("update", "foo", "--as-of", "2026-11-20", "--wait")
    assert outcome.code == 0
    assert '"exclude-newer":"2026-11-20"' in daemon.content()
    assert (daemon.specs / "foo.yaml").read_text() == specification("python") + "exclude-newer: 2026-11-20\n"
    assert os.listdir(daemon.specs) == ["foo.yaml"]


def test_a_retired_environment_is_shown_and_refused(command: Command, daemon: Daemon) -> None:
    command.build("python")
    (daemon.specs / "foo.yaml").unlink()
    assert "retired" in command("status").out
    assert "is retired" in command("rollback", "foo", "1").err
    assert "is retired" in command("activate", "foo").err
    assert command("history", "foo").code == 0


def test_a_dead_daemon_is_said(command: Command, daemon: Daemon) -> None:
    daemon.end(9)
    outcome = command("status")
    assert outcome.code == 4
    assert "is gone. Start it again" in outcome.err
