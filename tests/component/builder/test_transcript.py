"""The log's lines."""

import re
from pathlib import Path

import pytest

from condafs.builder.transcript import Transcript
from condafs.scheduler.logbook import read_log

LINE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d (.*)")


def lines(log: Path) -> list[str]:
    matches = [LINE.fullmatch(line) for line in log.read_text().splitlines()]
    return [match[1] if match else "?" for match in matches]


def test_every_line_has_the_time_in_front(log: Path) -> None:
    with log.open("ab") as file:
        Transcript(file.fileno()).note("two\nlines\n")
    assert lines(log) == ["two", "| lines"]


@pytest.mark.parametrize("end", ["\n", "\r", "\r\n", "\x0b", "\x1c", "\x85", "\u2028"])
def test_other_peoples_words_in_an_event_do_not_look_like_one(log: Path, end: str) -> None:
    with log.open("ab") as file:
        Transcript(file.fileno()).note(f'failed (post-link): it said:{end}foo is described by "x" of user 0')
    with log.open() as file:
        assert read_log(file).claim is None
    assert lines(log)[1] == '| foo is described by "x" of user 0'


def test_output_of_a_program_is_marked_as_its(log: Path) -> None:
    with log.open("ab") as file:
        Transcript(file.fileno()).output("zz-badlink", "echo")
    assert lines(log) == ["zz-badlink | echo"]


def test_an_empty_line_of_output_stays_one(log: Path) -> None:
    with log.open("ab") as file:
        Transcript(file.fileno()).output("pip", "")
    assert lines(log) == ["pip | "]


def test_credentials_never_reach_the_log(log: Path) -> None:
    with log.open("ab") as file:
        transcript = Transcript(file.fileno())
        transcript.note("solve: https://conda.invalid/t/tk-12345/channel")
        transcript.output("pip", "Looking in indexes: https://user:secret@index.invalid/simple")
    assert "tk-12345" not in log.read_text()
    assert "secret" not in log.read_text()
