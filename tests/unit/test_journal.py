import io
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from condafs.journal import formatter_for, set_up_logging


@pytest.fixture(autouse=True)
def root_logger() -> Iterator[None]:
    """The root logger is the interpreter's: put back what was there."""
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


class Terminal(io.StringIO):
    """A stream that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def record(message: str, level: int = logging.WARNING) -> logging.LogRecord:
    return logging.LogRecord("condafs.tree", level, "", 0, message, (), None)


def test_a_file_gets_time_level_and_logger() -> None:
    line = formatter_for(io.StringIO(), {}).format(record("look here"))
    assert line.endswith(" WARNING condafs.tree: look here")


def test_a_terminal_gets_colour_unless_no_color_is_set() -> None:
    assert "\x1b[33mWARNING\x1b[0m" in formatter_for(Terminal(), {}).format(record("x"))
    assert "\x1b" not in formatter_for(Terminal(), {"NO_COLOR": "1"}).format(record("x"))


def test_colouring_leaves_the_record_as_it_was() -> None:
    kept = record("x")
    formatter_for(Terminal(), {}).format(kept)
    assert kept.levelname == "WARNING"


def test_the_journal_gets_a_priority_on_every_line(tmp_path: Path) -> None:
    with (tmp_path / "stream").open("w") as stream:
        status = os.fstat(stream.fileno())
        formatter = formatter_for(stream, {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})
    assert formatter.format(record("one\ntwo", logging.ERROR)) == "<3>condafs.tree: one\n<3>two"


def test_another_stream_is_not_the_journal(tmp_path: Path) -> None:
    with (tmp_path / "stream").open("w") as stream:
        assert "WARNING" in formatter_for(stream, {"JOURNAL_STREAM": "1:2"}).format(record("x"))


@pytest.mark.parametrize(("is_verbose", "lines"), [(False, 1), (True, 2)])
def test_debugging_is_for_those_who_ask(is_verbose: bool, lines: int) -> None:  # noqa: FBT001 - a table's column
    stream = io.StringIO()
    set_up_logging(stream, {}, is_verbose=is_verbose)
    logging.getLogger("condafs.x").info("told")
    logging.getLogger("condafs.x").debug("whispered")
    assert len(stream.getvalue().splitlines()) == lines
