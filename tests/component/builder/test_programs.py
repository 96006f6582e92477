"""Other people's programs: their output, their end, their variables."""

from pathlib import Path

import pytest

from condafs.builder.cage.inmate import Order
from condafs.builder.cage.keeper import NoKeeper
from condafs.builder.cage.view import View
from condafs.builder.programs import TAIL_LINES, Ended, clean_environment, run
from condafs.builder.transcript import Transcript


def run_shell(script: str, tmp_path: Path) -> tuple[Ended, str]:
    log = tmp_path / "log"
    with log.open("ab") as file:
        order = Order(["/bin/sh", "-c", script], {"PATH": "/usr/bin:/bin"}, tmp_path, View(()))
        ended = run(order, NoKeeper(), source="it", transcript=Transcript(file.fileno()))
    return ended, log.read_text()


def test_both_outputs_are_in_the_log_and_in_the_tail(tmp_path: Path) -> None:
    ended, log = run_shell("echo one; echo two >&2; exit 3", tmp_path)
    assert ended == Ended(3, "one\ntwo")
    assert "it | one\n" in log
    assert "it | two\n" in log


def test_a_signal_counts_as_in_a_shell(tmp_path: Path) -> None:
    assert run_shell("kill -TERM $$", tmp_path)[0].status == 128 + 15


def test_the_tail_is_the_end_and_the_log_is_everything(tmp_path: Path) -> None:
    ended, log = run_shell("seq 1000", tmp_path)
    assert ended.tail.splitlines() == [str(n) for n in range(1001 - TAIL_LINES, 1001)]
    assert len(log.splitlines()) == 1000


def test_output_in_no_encoding_and_without_a_last_newline_is_kept(tmp_path: Path) -> None:
    ended, _ = run_shell(r"printf 'caf\351\rdone'", tmp_path)
    assert ended.tail == "caf\ufffd\ndone"


def test_standard_input_is_empty(tmp_path: Path) -> None:
    assert run_shell("cat; echo ended", tmp_path)[0].tail == "ended"


def test_a_child_that_holds_the_pipe_does_not_hold_the_build(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("condafs.builder.programs.LINGER_SECONDS", 0.05)
    ended, _ = run_shell("echo $$; sleep 60 & echo $! > pid", tmp_path)
    assert ended.status == 0
    run_shell("kill $(cat pid)", tmp_path)


def test_the_daemons_own_python_is_not_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("PYTHONPATH", "PYTHONHOME", "CONDA_PREFIX", "LD_LIBRARY_PATH", "VIRTUAL_ENV"):
        monkeypatch.setenv(name, "/daemon")
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.invalid")
    environment = clean_environment(Path("/env"), {"PREFIX": "/env"}, has_network=True)
    assert "/daemon" not in environment.values()
    assert environment["HTTPS_PROXY"] == "http://proxy.invalid"
    assert environment["PATH"].startswith("/env/bin:")
    assert environment["PREFIX"] == "/env"
    assert environment["PYTHONNOUSERSITE"] == "1"
