"""README's quickstart, typed into a shell; what it shows has to be what appears."""

import fcntl
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from condafs.demo.channel import make_channel

PROJECT = Path(__file__).parents[2]
README = PROJECT / "README.md"

# The reader's `condafs mount` uses the reader's own state directory and settings; this one must not.
PREAMBLE = """
set -u
export CONDAFS_MOUNT="$HOME/envs"
condafs() {
    case $1 in
        mount) shift; "$PYTHON" -m condafs mount --state "$HOME/state" --config "$HOME/condafs.yaml" "$@" ;;
        *) "$PYTHON" -m condafs "$@" ;;
    esac
}
"""


@dataclass(frozen=True)
class Step:
    """What is typed at one prompt, and the lines that follow it."""

    command: str
    output: tuple[str, ...]


def quickstart() -> list[Step]:
    block = README.read_text().partition("```console\n")[2].partition("```")[0]
    steps = []
    for part in re.split(r"^(?:\(\w+\) )?\$ ", block, flags=re.MULTILINE)[1:]:
        command, *output = part.splitlines()
        steps.append(Step(command, tuple(output)))
    return steps


VARIABLE = re.compile(r"(/home/ann/\.local/share/condafs|/home/ann|[0-9a-f]+…[0-9a-f]+|[0-9a-f]{12,}|\d+|\s+)")


def pattern_of(line: str) -> str:
    """A line, with what differs from run to run let open: the reader's home, digests, figures, widths of columns."""
    pattern = ""
    for number, piece in enumerate(VARIABLE.split(line.strip())):
        if number % 2 == 0:
            pattern += re.escape(piece)
        elif piece.isspace():
            pattern += r"\s+"
        elif piece.startswith("/home"):
            pattern += r"/\S+"
        else:
            pattern += r"\d+" if piece.isdecimal() and len(piece) < 12 else r"[0-9a-f]{12,}"
    return pattern


@pytest.fixture
def home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    home = tmp_path_factory.mktemp("h")
    make_channel(home / "channel")
    (home / "condafs.yaml").write_text(f"default-channels: ['{(home / 'channel').as_uri()}']\n")
    monkeypatch.setenv("HOME", str(home))
    yield home
    subprocess.run(["fusermount3", "-u", home / "envs"], check=False, capture_output=True)
    with (home / "state" / "catalog" / "daemon.lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # held by the daemon until it ends


def test_the_quickstart_begins_by_line_25_and_the_readme_has_at_most_200_lines() -> None:
    lines = README.read_text().splitlines()
    assert "```console" in lines[:25]
    assert len(lines) <= 200


def test_the_quickstart_does_and_shows_what_it_says(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYTHON", sys.executable)
    steps = quickstart()
    mark = "---- end of step"
    script = PREAMBLE + "\n".join(f"{step.command}\necho '{mark}' $?" for step in steps)
    with (home / "out").open("w+") as out:
        # A file and not a pipe: the daemon keeps its standard error open for as long as it lives.
        subprocess.run(
            ["bash", "-c", script], cwd=home, check=False, stdin=subprocess.DEVNULL, stdout=out, stderr=out, timeout=240
        )
        out.seek(0)
        shown = re.split(rf"{mark} (\d+)\n", out.read())
    for number, step in enumerate(steps):
        output, code = shown[2 * number], shown[2 * number + 1]
        assert code == "0", f"{step.command}\n{output}"
        for line in step.output:
            assert re.search(pattern_of(line), output), f"{step.command}\nshould show: {line}\nbut shows:\n{output}"
