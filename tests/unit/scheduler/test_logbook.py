"""Logs tell which generation a build became, and when its name was pointed at it."""

import time
from pathlib import Path

import trio

from condafs.catalog.records import BuildRecord, BuildState, EnvironmentRecord
from condafs.names import BuildName, EnvironmentName, SpecDigest
from condafs.scheduler.logbook import MOVED, Claim, Logbook, Told, claimed_text, published_text, read_log

RECORD = BuildRecord(
    BuildName(SpecDigest("a" * 64), EnvironmentName("foo")),
    BuildState.READY,
    1,
    generation=7,
    started=10,
    finished=12.5,
)
MOMENT = float(int(time.time()))


def line(text: str, moment: float = MOMENT) -> str:
    return f"{Logbook.stamp(moment)} {text}\n"


def test_what_is_written_is_read_back() -> None:
    assert read_log([line(published_text(RECORD, is_current=True))]) == Told(7, MOMENT)
    assert read_log([line(published_text(RECORD, is_current=False))]) == Told(7, 0)
    assert read_log([line(f"foo {MOVED}")]) == Told(0, MOMENT)


def test_whose_a_name_is_is_read_back() -> None:
    environment = EnvironmentRecord(RECORD.name, RECORD.digest, file_name='my "foo"\n.yaml', owner_uid=1000)
    assert read_log([line(claimed_text(environment))]).claim == Claim(MOMENT, environment.file_name, 1000)
    assert read_log([line('foo is described by "\\x" of user 1')]).claim is None


def test_what_a_program_said_is_no_word_of_ours(tmp_path: Path) -> None:
    said = [f"{line(published_text(RECORD, is_current=True))}{end}" for end in ("", "\r", "\u2028")]
    logbook = Logbook(tmp_path, lambda: MOMENT)
    trio.run(logbook.note, [(RECORD.build, "failed (post-link): it said:\n" + "".join(said) + f"\rfoo {MOVED}")])
    with logbook.path(RECORD.build).open() as log:
        assert read_log(log) == Told()


def test_the_last_word_counts() -> None:
    lines = [
        line(published_text(RECORD, is_current=True), MOMENT - 50),
        line(f"foo {MOVED}", MOMENT - 20),
        line("made again"),
        line(published_text(RECORD, is_current=False)),
    ]
    assert read_log(lines) == Told(7, MOMENT - 20)


def test_what_programs_print_is_not_taken_for_it() -> None:
    forged = [
        line("zz-badlink | published after 1.0 s: foo is generation 99 now"),
        "published after 1.0 s: foo is generation 99 now\n",
        f"2026-99-99 99:99:99 foo {MOVED}\n",
    ]
    assert read_log(forged) == Told()
