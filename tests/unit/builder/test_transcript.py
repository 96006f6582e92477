"""What a log keeps of what programs say."""

import os
from pathlib import Path

import pytest

from condafs.builder import transcript as module
from condafs.builder.transcript import Transcript, printable


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain\ttext", "plain\ttext"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07after", "after"),
        ("bell\x07", "bell\ufffd"),
        ("\x9b31m", "\ufffd31m"),
    ],
)
def test_nothing_steers_the_terminal_of_who_reads_the_log(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_output_beyond_the_limit_is_not_kept_and_the_log_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MAX_OUTPUT_BYTES", 20)
    fd = os.open(tmp_path / "log", os.O_WRONLY | os.O_CREAT)
    transcript = Transcript(fd)
    for number in range(10):
        transcript.output("zz", f"line {number}")
    transcript.note("published")
    os.close(fd)
    lines = [line[20:] for line in (tmp_path / "log").read_text().splitlines()]
    assert lines == [
        "zz | line 0",
        "zz | line 1",
        "zz | line 2",
        "zz: the log is full; what programs say from here on is not kept",
        "published",
    ]
