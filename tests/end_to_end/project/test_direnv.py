"""The real direnv, asked at each prompt as its own hook does it."""

import json
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.end_to_end.project.conftest import Desk


@dataclass
class Shell:
    """What a shell with direnv's hook has in its environment."""

    desk: Desk
    cwd: Path
    environ: dict[str, str] = field(default_factory=dict)

    def prompt(self) -> str:
        """The next prompt: what direnv says."""
        done = self.run("direnv", "export", "json")
        assert done.returncode == 0, done.stderr
        changes: Mapping[str, str | None] = json.loads(done.stdout or "{}")
        for name, value in changes.items():
            if value is None:
                self.environ.pop(name, None)
            else:
                self.environ[name] = value
        return done.stderr

    def run(self, *command: object) -> "subprocess.CompletedProcess[str]":
        arguments = [str(part) for part in command]
        return subprocess.run(
            arguments, cwd=self.cwd, env=self.environ, capture_output=True, text=True, check=False, timeout=120
        )

    def hello(self) -> str:
        return self.run("condafs-hello").stdout.strip()


@pytest.fixture
def shell(desk: Desk) -> Shell:
    library = desk.home / ".config/direnv/lib/condafs.sh"
    library.parent.mkdir(parents=True)
    shell = Shell(desk, desk.home, dict(desk.environ))
    library.write_text(shell.run("condafs", "hook", "direnv").stdout)
    return shell


def enter(shell: Shell, project: Path, line: str = "use condafs") -> str:
    project.mkdir(exist_ok=True)
    (project / ".envrc").write_text(f"strict_env\n{line}\n")
    shell.cwd = project
    assert shell.run("direnv", "allow").returncode == 0
    return shell.prompt()


def settled(shell: Shell, name: str) -> str:
    """Prompts until its build is decided, and the one after that."""
    said = shell.prompt()
    shell.desk.served.wait_for(name, lambda status: status["state"] in {"ready", "failed"})
    return said + shell.prompt()


def test_a_project_is_entered_updated_rolled_back_and_left(shell: Shell, desk: Desk) -> None:
    project = desk.home / "d way"
    before = dict(shell.environ)
    desk.write(project, "condafs-hello =1.0")
    enter(shell, project)
    settled(shell, "d-way")
    assert shell.hello() == "hello from condafs-hello 1.0"
    assert shell.environ["CONDA_PREFIX"] == desk.sealed("d-way")
    assert shell.prompt() == ""
    desk.write(project, "condafs-hello =1.1")
    settled(shell, "d-way")
    assert shell.hello() == "hello from condafs-hello 1.1"
    assert shell.run("condafs", "rollback", "d-way", "1").returncode == 0
    shell.prompt()
    assert shell.hello() == "hello from condafs-hello 1.0"
    shell.cwd = desk.home
    shell.prompt()
    assert shell.environ == before


def test_a_failing_build_is_said_once_and_the_last_good_one_stays(shell: Shell, desk: Desk) -> None:
    project = desk.home / "d-fail"
    desk.write(project, "condafs-hello =1.0")
    enter(shell, project)
    settled(shell, "d-fail")
    desk.write(project, "no-such-package")
    said = settled(shell, "d-fail") + shell.prompt() + shell.prompt()
    assert said.count("its build failed") == 1
    assert shell.hello() == "hello from condafs-hello 1.0"


def test_a_bad_file_is_said_once_and_the_last_good_build_stays(shell: Shell, desk: Desk) -> None:
    project = desk.home / "d-bad"
    desk.write(project, "condafs-hello =1.0")
    enter(shell, project)
    settled(shell, "d-bad")
    file = desk.replace(project, "dependencies: [python\n")
    said = shell.prompt() + shell.prompt()
    assert said.count(f"{file}:2:1") == 1
    assert shell.hello() == "hello from condafs-hello 1.0"


def test_an_environment_may_be_named(shell: Shell, desk: Desk) -> None:
    enter(shell, desk.home / "named", "use condafs foo")
    assert shell.environ["CONDA_PREFIX"] == desk.sealed("foo")


def test_an_unknown_name_is_said_and_the_rest_of_the_envrc_counts(shell: Shell, desk: Desk) -> None:
    said = enter(shell, desk.home / "unknown", "use condafs fooo\nexport REST=1")
    assert "did you mean foo?" in said
    assert shell.environ["REST"] == "1"


def test_without_a_daemon_the_last_build_is_used_and_it_is_said_what_to_do(shell: Shell, desk: Desk) -> None:
    project = desk.home / "d-alone"
    desk.write(project, "condafs-hello =1.0")
    enter(shell, project)
    settled(shell, "d-alone")
    assert desk.served.stop() == 0
    try:
        assert "condafs mount" in shell.prompt()
        assert shell.hello() == "hello from condafs-hello 1.0"
        assert shell.prompt() == ""
    finally:
        desk.served.start()
    assert "condafs mount" not in shell.prompt()
    assert shell.hello() == "hello from condafs-hello 1.0"
