import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from condafs.cli.shells import Shell
from condafs.names import BuildName
from tests.component.cli.conftest import Run
from tests.component.cli.fake_envs import FakeEnvs

CONDAFS = (sys.executable, "-m", "condafs")


@pytest.fixture
def build(envs: FakeEnvs) -> BuildName:
    """foo, ready, with a program that tells where it is and one that fails."""
    build = envs.add_generation("foo", 1, "a")
    envs.set_current("foo", build)
    envs.add_program(build, "tell", '#!/bin/sh\necho "$CONDA_PREFIX" "$@"\n')
    envs.add_program(build, "answer", "#!/bin/sh\nexit 42\n")
    return build


def require(shell: str) -> None:
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")


def start(envs: FakeEnvs, *words: str) -> subprocess.CompletedProcess[str]:
    environ = {**os.environ, "CONDAFS_MOUNT": str(envs.mount)}
    return subprocess.run([*CONDAFS, *words], capture_output=True, text=True, check=False, env=environ, timeout=60)


def test_a_command_runs_with_the_sealed_prefix_active(envs: FakeEnvs, build: BuildName) -> None:
    done = start(envs, "run", "foo", "--", "tell", "--version", "a b", "--", "$HOME")
    assert done.stdout == f"{envs.builds / str(build)} --version a b -- $HOME\n"
    assert (done.stderr, done.returncode) == ("", 0)


def test_the_two_dashes_can_be_left_out(envs: FakeEnvs, build: BuildName) -> None:
    assert start(envs, "run", "foo", "tell", "--help").stdout == f"{envs.builds / str(build)} --help\n"


def test_the_exit_code_is_the_commands(envs: FakeEnvs, build: BuildName) -> None:
    assert start(envs, "run", "foo", "answer").returncode == 42


def test_a_signal_ends_the_command_itself(envs: FakeEnvs, build: BuildName) -> None:
    environ = {**os.environ, "CONDAFS_MOUNT": str(envs.mount)}
    words = [*CONDAFS, "run", "foo", "--", "sh", "-c", "echo ready $$; exec sleep 60"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True, env=environ) as process:
        assert process.stdout
        assert process.stdout.readline() == f"ready {process.pid}\n"
        process.terminate()
        assert process.wait(10) == -signal.SIGTERM


def test_a_closed_pipe_ends_the_command(envs: FakeEnvs, build: BuildName) -> None:
    environ = {**os.environ, "CONDAFS_MOUNT": str(envs.mount)}
    words = [
        "sh",
        "-c",
        '("$@"; echo $? >&2) | head -n 1',
        "sh",
        *CONDAFS,
        "run",
        "foo",
        "--",
        "sh",
        "-c",
        "yes || exit",
    ]
    done = subprocess.run(words, capture_output=True, text=True, check=False, env=environ, timeout=60)
    assert done.stdout == "y\n"
    assert done.stderr == f"{128 + signal.SIGPIPE}\n"


def test_scripts_of_packages_are_run_first(envs: FakeEnvs, build: BuildName) -> None:
    scripts = envs.builds / str(build) / "etc" / "conda" / "activate.d"
    scripts.mkdir(parents=True)
    (scripts / "zz.sh").write_text("export ZZ=$CONDA_DEFAULT_ENV\n")
    assert start(envs, "run", "foo", "--", "sh", "-c", "echo $ZZ").stdout == "foo\n"


def test_an_unknown_command_is_127(envs: FakeEnvs, build: BuildName) -> None:
    done = start(envs, "run", "foo", "--", "no-such-command")
    assert done.returncode == 127
    assert "no command 'no-such-command' in foo" in done.stderr


@pytest.mark.parametrize("shell", ["sh", "bash", "zsh", "fish"])
def test_what_activate_prints_activates(
    run: Run, envs: FakeEnvs, build: BuildName, shell: Shell, tmp_path: Path
) -> None:
    require(shell)
    outcome = run("activate", "foo", "--shell", shell)
    assert outcome.err == ""
    script = tmp_path / "script"
    script.write_text(f"{outcome.out}\ntell here\n")
    done = subprocess.run([shell, script], capture_output=True, text=True, check=False, timeout=60)
    assert done.stdout == f"{envs.builds / str(build)} here\n", done.stderr


@pytest.mark.parametrize(("shell", "line"), [
    ("sh", 'eval "$({condafs} activate foo)"; tell'),
    ("bash", 'eval "$({condafs} activate foo)"; tell; deactivate; echo ${{CONDA_PREFIX-none}}'),
    ("zsh", 'eval "$({condafs} activate foo)"; tell'),
    ("fish", "{condafs} activate foo | source; tell"),
])  # fmt: skip
def test_the_shell_around_is_detected(envs: FakeEnvs, build: BuildName, shell: str, line: str) -> None:
    require(shell)
    environ = {key: value for key, value in os.environ.items() if not key.startswith("CONDA")}
    environ |= {"CONDAFS_MOUNT": str(envs.mount), "SHELL": "/bin/false"}
    script = line.format(condafs=" ".join(CONDAFS))
    done = subprocess.run([shell, "-c", script], capture_output=True, text=True, check=False, env=environ, timeout=60)
    assert done.stdout.splitlines()[0] == str(envs.builds / str(build)), done.stderr
    assert done.stdout.splitlines()[1:] in ([], ["none"])


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"state": "building"}, "not ready yet, it is building"),
        ({"state": "failed"}, "condafs logs bar"),
        ({"state": "none", "retired": True}, "is retired"),
    ],
)
def test_what_cannot_be_entered_says_why(run: Run, envs: FakeEnvs, fields: dict[str, object], says: str) -> None:
    envs.set_status("bar", **fields)
    for words in (("activate", "bar"), ("run", "bar", "--", "ls")):
        outcome = run(*words)
        assert outcome.code == 3
        assert says in outcome.err
