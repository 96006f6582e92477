"""The tour itself, as a person starts it."""

import os
import re
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

PATIENCE = 200


@pytest.fixture
def temporary() -> Iterator[Path]:
    """A short place of its own for temporary files: prefixes below it go into packages."""
    with tempfile.TemporaryDirectory(prefix="t") as folder:
        yield Path(folder)


def start(temporary: Path, *arguments: str) -> subprocess.Popen[str]:
    environ = {**os.environ, "TMPDIR": str(temporary)}
    command = [sys.executable, "-m", "condafs", "demo", *arguments]
    return subprocess.Popen(command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def assert_nothing_is_left(temporary: Path) -> None:
    assert list(temporary.iterdir()) == []
    assert str(temporary) not in Path("/proc/self/mountinfo").read_text()
    assert [line for line in processes() if str(temporary) in line] == []


def processes() -> Iterator[str]:
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            yield (folder / "cmdline").read_text(errors="replace")
        except OSError:  # it ended meanwhile
            continue


def test_it_shows_everything_and_leaves_nothing(temporary: Path) -> None:
    tour = start(temporary)
    output, errors = tour.communicate(timeout=PATIENCE)
    assert tour.returncode == 0, output + errors
    for pattern in (
        r"(?m)^\$ cp hello\.yaml ~/envs/\.specs/$",
        r"hello from condafs-hello 1\.0",
        r"hello from condafs-hello 2\.0",
        r"program: still works with 1\.0",
        r"(?m)^\$ ln -sfn hello@-1 ~/envs/hello$",
        r"wrong\.yaml:2:1: ",
        r"commands, each checked",
    ):
        assert re.search(pattern, output), output
    assert "\x1b" not in output
    assert_nothing_is_left(temporary)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupting_it_leaves_nothing_either(temporary: Path, number: signal.Signals) -> None:
    tour = start(temporary)
    assert tour.stdout
    for line in tour.stdout:
        if line.startswith("$ condafs build --wait"):
            break
    tour.send_signal(number)
    _, errors = tour.communicate(timeout=PATIENCE)
    assert tour.returncode == 130, errors
    assert_nothing_is_left(temporary)


def test_another_place_to_mount_can_be_chosen(temporary: Path, tmp_path: Path) -> None:
    tour = start(temporary, "--mountpoint", str(tmp_path / "my envs"))
    output, errors = tour.communicate(timeout=PATIENCE)
    assert tour.returncode == 0, output + errors
    assert f"cp hello.yaml '{tmp_path / 'my envs'}'/.specs/" in output


def test_a_channel_without_what_it_needs_fails_and_says_what_happened(temporary: Path) -> None:
    (temporary / "empty" / "noarch").mkdir(parents=True)
    (temporary / "empty" / "noarch" / "repodata.json").write_text('{"packages": {}, "packages.conda": {}}')
    tour = start(temporary, "--channel", (temporary / "empty").as_uri())
    output, errors = tour.communicate(timeout=PATIENCE)
    assert tour.returncode == 1, output + errors
    assert "went astray" in errors
    assert "python" in output
