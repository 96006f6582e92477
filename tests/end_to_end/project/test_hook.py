"""Shells at terminals that follow projects, each shell with the same story."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.end_to_end.project.conftest import Desk
from tests.end_to_end.project.session import MARK, Session

Open = Callable[[str], Session]

in_every_shell = pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])


def hook(shell: str) -> str:
    return "condafs hook fish | source" if shell == "fish" else f'eval "$(condafs hook {shell})"'


def variable(shell: str, name: str) -> str:
    """A command that prints it."""
    if shell == "fish":
        return f"set -q {name}; and echo ${name}; or echo none"
    return f'echo "${{{name}-none}}"'


def followed(session: Session, desk: Desk, project: Path, name: str = "") -> None:
    """The hook is there, the project is allowed, and its first build is active."""
    session.run(hook(session.shell))
    session.run(f"cd '{project}'")
    session.run("condafs allow")
    desk.served.wait_until_ready(name or project.name)
    assert f"({name or project.name}) {MARK}" in session.run("true")


def shell_in_project(open_shell: Open, desk: Desk, shell: str, name: str) -> tuple[Session, Path]:
    """A shell in a project of its own, whose name begins like that; its first build is active."""
    session, project = open_shell(shell), desk.home / f"{name}-{shell}"
    desk.write(project, "condafs-hello =1.0")
    followed(session, desk, project)
    return session, project


@in_every_shell
def test_a_project_is_entered_updated_and_left(open_shell: Open, desk: Desk, shell: str) -> None:
    session, project = open_shell(shell), desk.home / "a b" / f"way-{shell}"
    desk.write(project, "condafs-hello =1.0")
    path = session.ask(variable(shell, "PATH"))
    session.run(hook(shell))
    assert "condafs allow" in session.run(f"cd '{project}'")
    assert "condafs allow" not in session.run("true")
    assert session.ask(variable(shell, "CONDA_PREFIX")) == "none"
    followed(session, desk, project)
    first = desk.sealed(project.name)
    assert session.ask(variable(shell, "CONDA_PREFIX")) == first
    assert session.ask("condafs-hello") == "hello from condafs-hello 1.0"
    (project / "below").mkdir()
    session.run("cd below")
    assert session.ask("condafs-hello") == "hello from condafs-hello 1.0"

    desk.write(project, "condafs-hello =1.1")
    session.run("true")
    desk.served.wait_until_ready(project.name)
    desk.served.wait_for(project.name, lambda status: status["generations"] == 2)
    session.run("true")
    assert desk.sealed(project.name) != first
    assert session.ask(variable(shell, "CONDA_PREFIX")) == desk.sealed(project.name)
    assert session.ask("condafs-hello") == "hello from condafs-hello 1.1"

    assert MARK in session.run(f"cd '{desk.home}'")
    assert f"({project.name})" not in session.run("true")
    assert session.ask(variable(shell, "PATH")) == path
    for name in ("CONDA_PREFIX", "CONDA_SHLVL", "CONDA_DEFAULT_ENV", "JUPYTER_PREFER_ENV_PATH"):
        assert session.ask(variable(shell, name)) == "none"
    session.run(f"cd '{project}'")
    assert session.ask("condafs-hello") == "hello from condafs-hello 1.1"


@in_every_shell
def test_a_status_is_what_the_command_before_left(open_shell: Open, desk: Desk, shell: str) -> None:
    session, _ = shell_in_project(open_shell, desk, shell, "status")
    session.type("sh -c 'exit 7'")
    assert session.ask("echo $status" if shell == "fish" else "echo $?") == "7"


@in_every_shell
def test_a_failing_build_is_said_once_and_the_last_good_one_stays(open_shell: Open, desk: Desk, shell: str) -> None:
    session, project = shell_in_project(open_shell, desk, shell, "fail")
    desk.write(project, "no-such-package")
    shown = session.run("true")
    desk.served.wait_for(project.name, lambda status: status["state"] == "failed")
    shown += session.run("true") + session.run("true")
    assert shown.count("failed") == 1
    assert f"condafs status {project.name}" in shown
    assert session.ask("condafs-hello") == "hello from condafs-hello 1.0"


@in_every_shell
def test_a_bad_file_is_said_once_with_its_place(open_shell: Open, desk: Desk, shell: str) -> None:
    session, project = open_shell(shell), desk.home / f"bad-{shell}"
    file = desk.write(project, "condafs-hello =1.0")
    followed(session, desk, project)
    file.write_text("dependencies: [python\n")
    shown = session.run("true") + session.run("true")
    assert shown.count(f"{file}:2:1") == 1
    assert session.ask("condafs-hello") == "hello from condafs-hello 1.0"
    session.run("cd /")
    assert f"{file}:2:1" in session.run(f"cd {project}")
    assert session.ask("condafs-hello") == "hello from condafs-hello 1.0"


@in_every_shell
def test_the_nearest_project_counts(open_shell: Open, desk: Desk, shell: str) -> None:
    session, outer = open_shell(shell), desk.home / f"outer-{shell}"
    inner = outer / f"inner-{shell}"
    desk.write(outer, "condafs-hello =1.0")
    desk.write(inner, "condafs-hello =1.1")
    followed(session, desk, outer)
    followed(session, desk, inner)
    assert session.ask("condafs-hello") == "hello from condafs-hello 1.1"
    assert session.ask(variable(shell, "CONDA_SHLVL")) == "1"
    session.run("cd ..")
    assert session.ask("condafs-hello") == "hello from condafs-hello 1.0"


@in_every_shell
def test_what_is_done_by_hand_is_not_undone(open_shell: Open, desk: Desk, shell: str) -> None:
    session, project = shell_in_project(open_shell, desk, shell, "hand")
    session.run("deactivate")
    assert session.ask(variable(shell, "CONDA_PREFIX")) == "none"
    session.run("cd /")
    suffix = ".fish" if shell == "fish" else ""
    session.run(f"source {desk.served.envs}/foo/bin/activate{suffix}")
    session.run(f"cd {project}")
    assert session.ask(variable(shell, "CONDA_DEFAULT_ENV")) == "foo"
    session.run("cd /")
    assert session.ask(variable(shell, "CONDA_DEFAULT_ENV")) == "foo"


@in_every_shell
def test_without_a_daemon_the_last_build_is_used_and_it_is_said_what_to_do(
    open_shell: Open, desk: Desk, shell: str
) -> None:
    session, project = shell_in_project(open_shell, desk, shell, "alone")
    assert desk.served.stop() == 0
    try:
        assert f"({project.name}) {MARK}" in session.run("true")
        session.run("cd /")
        shown = session.run(f"cd {project}")
        assert "condafs mount" in shown
        assert session.ask("condafs-hello") == "hello from condafs-hello 1.0"
        desk.write(project, "condafs-hello =1.1")
        assert "condafs:" not in session.run("true")
    finally:
        desk.served.start()
    session.run("true")
    desk.served.wait_for(project.name, lambda status: status["generations"] == 2)
    session.run("true")
    assert session.ask("condafs-hello") == "hello from condafs-hello 1.1"


@in_every_shell
def test_a_project_that_is_not_allowed_any_more_is_left(open_shell: Open, desk: Desk, shell: str) -> None:
    session, _ = shell_in_project(open_shell, desk, shell, "revoked")
    session.run("condafs allow --revoke")
    assert session.ask(variable(shell, "CONDA_PREFIX")) == "none"


@pytest.mark.parametrize("shell", ["bash", "zsh"])  # fish has no such options
def test_strict_shells_stay_alive(open_shell: Open, desk: Desk, shell: str) -> None:
    session, project = open_shell(shell), desk.home / f"strict-{shell}"
    desk.write(project, "condafs-hello =1.0")
    session.run("set -eu")
    followed(session, desk, project)
    session.run("! true")
    assert session.ask("condafs-hello") == "hello from condafs-hello 1.0"
    session.run("cd /")
    assert session.ask(variable(shell, "CONDA_PREFIX")) == "none"


@in_every_shell
def test_a_hook_that_is_there_twice_is_there_once(open_shell: Open, desk: Desk, shell: str) -> None:
    session, project = open_shell(shell), desk.home / f"twice-{shell}"
    desk.write(project, "condafs-hello =1.0")
    session.run(hook(shell))
    followed(session, desk, project)
    assert session.ask(variable(shell, "CONDA_SHLVL")) == "1"
    shutil.rmtree(project)
    session.run("true")
    assert session.ask(variable(shell, "CONDA_PREFIX")) == "none"
