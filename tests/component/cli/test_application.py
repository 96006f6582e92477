import importlib
import subprocess
import sys

import pytest
from cyclopts import App

from condafs import __version__
from condafs.cli.application import _COMMANDS
from tests.component.cli.conftest import Run
from tests.component.cli.fake_envs import FakeEnvs

COMMANDS = tuple(
    "watch hook allow prepare mount demo build status logs history diff rollback activate run cancel update "  # noqa: SIM905 - shorter
    "doctor".split()
)


def test_help_lists_every_command_and_the_exit_codes(run: Run) -> None:
    out = run("--help").out
    for command in COMMANDS:
        assert f" {command} " in out
    assert "Exit codes" in out


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help(run: Run, command: str) -> None:
    outcome = run(command, "--help")
    assert outcome.code == 0
    assert f"condafs {command}" in outcome.out


def test_a_commands_line_in_the_listing_is_the_first_of_its_docstring() -> None:
    for commands in _COMMANDS.values():
        for _, target, summary in commands:
            module, _, function = target.partition(":")
            command = getattr(importlib.import_module(f"condafs.cli.{module}"), function)
            documented = command.help if isinstance(command, App) else command.__doc__
            assert documented.split("\n")[0] == summary


def test_the_version_is_told_by_both_ways_in(run: Run) -> None:
    assert run("--version").out == f"condafs {__version__}\n"
    done = subprocess.run([sys.executable, "-m", "condafs", "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"condafs {__version__}\n"


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("sttaus",), "status"),
        (("status", "--jsno"), "--json"),
        (("history",), "name"),
        (("activate", "foo", "--shell", "tcsh"), "fish"),
        (("rollback", "foo", "1", "2"), "2"),
    ],
)
def test_a_wrong_command_line_is_said_in_a_line_or_two(run: Run, words: tuple[str, ...], says: str) -> None:
    outcome = run(*words)
    assert outcome.code == 2
    assert says in outcome.err.lower()
    assert "Traceback" not in outcome.err
    assert "\x1b" not in outcome.err
    assert len(outcome.err.splitlines()) <= 3


@pytest.mark.parametrize("name", ["../x", "a/b", ".specs", "", "a b", "foo@1", "x.tar"])
def test_what_cannot_be_a_name_is_refused(run: Run, name: str) -> None:
    outcome = run("status", name)
    assert outcome.code == 2
    assert outcome.err.startswith("condafs: the name") or "empty" in outcome.err


def test_a_directory_that_is_no_mount_is_refused(run: Run, tmp_path: object) -> None:
    assert "not a condafs mount" in run("status", "--mount", str(tmp_path)).err


def test_a_reader_that_has_seen_enough_is_no_error(envs: FakeEnvs) -> None:
    for number in range(2000):
        envs.set_status(f"environment-{number}", state="none")
    line = f"{sys.executable} -m condafs status --mount {envs.mount} | head -n 1"
    done = subprocess.run(["sh", "-c", line], capture_output=True, text=True, check=False)
    assert done.stdout.startswith("NAME")
    assert done.stderr == ""


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (("status", ""), {"foo", "bar"}),
        (("rollback", "foo", ""), {"1", "2"}),
        (("activate", ""), {"foo", "bar"}),
        (("activate", "foo@"), {"foo@" + "a" * 12, "foo@" + "b" * 12}),
        (("diff", "foo", ""), {"foo", "bar"}),
        (("run", ""), {"foo", "bar"}),
    ],
)
def test_the_shell_completes_names_of_the_mount(
    run: Run, envs: FakeEnvs, words: tuple[str, ...], expected: set[str]
) -> None:
    envs.add_generation("foo", 1, "a")
    envs.set_current("foo", envs.add_generation("foo", 2, "b"), 2)
    envs.set_status("bar", state="none")
    out = run("__complete", *words).out
    offered = {line.partition("\t")[0] for line in out.partition("\x1fbegin\n")[2].splitlines()}
    assert offered == expected


def test_completion_without_a_mount_offers_nothing(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CONDAFS_MOUNT", "/nonexistent")
    outcome = run("__complete", "status", "")
    assert outcome.out.strip("\n") == "\x1fbegin"
    assert outcome.err == ""
