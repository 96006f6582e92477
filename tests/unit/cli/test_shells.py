from pathlib import Path

import pytest

from condafs.cli.shells import detect_shell


def make_process(proc: Path, process: int, command: str, parent: int) -> None:
    (proc / str(process)).mkdir()
    (proc / str(process) / "stat").write_text(f"{process} ({command}) S {parent} 1 1 0\n")


@pytest.mark.parametrize(
    ("command", "shell"),
    [("bash", "bash"), ("dash", "sh"), ("sh", "sh"), ("zsh", "zsh"), ("fish", "fish"), ("busybox", "sh")],
)
def test_the_nearest_shell_is_meant(tmp_path: Path, command: str, shell: str) -> None:
    make_process(tmp_path, 30, "python3", 20)
    make_process(tmp_path, 20, command, 10)
    make_process(tmp_path, 10, "fish", 1)
    assert detect_shell(30, tmp_path) == shell


def test_a_command_with_parentheses_and_blanks_is_read(tmp_path: Path) -> None:
    make_process(tmp_path, 30, "tmux: (server) x", 20)
    make_process(tmp_path, 20, "zsh", 1)
    assert detect_shell(30, tmp_path) == "zsh"


def test_without_a_shell_around_the_users_own_is_meant(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELL", "/usr/bin/fish")
    assert detect_shell(99, tmp_path) == "fish"
    monkeypatch.setenv("SHELL", "/opt/xonsh")
    assert detect_shell(99, tmp_path) == "sh"
