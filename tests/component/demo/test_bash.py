"""The shell of the tour."""

import os
import select
from collections.abc import Iterator
from pathlib import Path

import pytest

from condafs.demo.bash import Bash, BashError, Ran, opened

PATIENCE = 20


@pytest.fixture
def shown() -> list[str]:
    return []


@pytest.fixture
def bash(tmp_path: Path, shown: list[str]) -> Iterator[Bash]:
    with opened(tmp_path, os.environ, shown.append) as session:
        yield session


def test_a_command_tells_its_status_and_output(bash: Bash) -> None:
    assert bash.run("echo out; echo err >&2; (exit 3)", PATIENCE) == Ran(3, "out\nerr\n")


def test_what_one_command_sets_is_there_for_the_next(bash: Bash) -> None:
    bash.run("X=1; cd /", PATIENCE)
    assert bash.run("echo $X $PWD", PATIENCE).output == "1 /\n"


def test_here_documents_and_syntax_errors_are_only_commands(bash: Bash) -> None:
    assert bash.run("cat <<'END'\né $X\nEND", PATIENCE).output == "é $X\n"
    assert bash.run("if then", PATIENCE).status
    assert bash.run("echo still here", PATIENCE).output == "still here\n"


def test_programs_find_nothing_on_their_input(bash: Bash) -> None:
    assert bash.run("cat", PATIENCE) == Ran(0, "")


def test_output_is_shown_unless_the_command_is_hidden(bash: Bash, shown: list[str]) -> None:
    bash.run("echo seen", PATIENCE)
    bash.run("echo unseen", PATIENCE, is_shown=False)
    assert "".join(shown) == "seen\n"


def test_bytes_that_are_no_text_do_not_confuse_it(bash: Bash, shown: list[str]) -> None:
    bash.run(r"printf 'a\377b'; printf '\n'", PATIENCE)
    assert "".join(shown) == "a\ufffdb\n"


def test_colours_do_not_count_as_output(bash: Bash) -> None:
    assert bash.run(r"printf '\033[1;31mred\033[0m\n'", PATIENCE).output == "red\n"


def test_the_end_of_the_shell_is_told(bash: Bash) -> None:
    with pytest.raises(BashError, match="the shell ended in: exit 4"):
        bash.run("exit 4", PATIENCE)


def test_a_command_without_end_is_given_up(bash: Bash) -> None:
    with pytest.raises(BashError, match="no end in sight"):
        bash.run("sleep 60", 0.05)


def test_what_a_command_left_running_ends_with_the_session(tmp_path: Path) -> None:
    with opened(tmp_path, os.environ, lambda _: None) as session:
        pid = int(session.run("sleep 60 & echo $!", PATIENCE).output)
        process = os.pidfd_open(pid)
    ended, _, _ = select.select([process], [], [], PATIENCE)
    os.close(process)
    assert ended
