"""The texts of the hooks, as shells that do not run them see them."""

import subprocess
import sys
from pathlib import Path

import pytest

from condafs.project import direnv, fish_hook, posix_hook

SHELLCHECK = Path(sys.executable).with_name("shellcheck")


@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_posix_hooks_are_whole(shell: str) -> None:
    text = posix_hook.render(shell, "command condafs", "/home/ann/projects")
    assert "@" not in text.replace("[@]", "")
    subprocess.run([shell, "-n"], input=text, text=True, check=True)


def test_the_hook_of_fish_is_whole() -> None:
    text = fish_hook.render("command condafs", "/home/ann/projects")
    assert "@" not in text
    subprocess.run(["fish", "--no-execute"], input=text, text=True, check=True)


@pytest.mark.parametrize(
    "text",
    [posix_hook.render("bash", "command condafs", "/p"), direnv.library("command condafs")],
    ids=["hook", "direnv"],
)
def test_shellcheck_has_nothing_to_say(text: str) -> None:
    # What is sourced is known when it runs; PROMPT_COMMAND may be a text or an array; `a= b=` sets two variables.
    command = [SHELLCHECK, "--shell=bash", "--exclude=SC1090,SC1091,SC1007,SC2034,SC2128,SC2178,SC2179", "-"]
    done = subprocess.run(command, input=text, text=True, check=False, capture_output=True)
    assert done.stdout == ""
