import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from condafs.cli.daemonize import start_in_background
from condafs.errors import MachineError

READY = """
import os, signal, sys
from condafs.notify import Notifier
print("starting")
told = open(sys.argv[1], "w")
Notifier.take(os.environ, os.getpid()).ready()
print(os.getpid(), os.getsid(0), os.getcwd(), file=told, flush=True)
signal.pause()
"""


START = """
import sys
from pathlib import Path
from condafs.cli.daemonize import start_in_background
sys.exit(start_in_background(sys.argv[2:], Path(sys.argv[1])))
"""


def test_it_returns_when_the_daemon_is_ready(tmp_path: Path) -> None:
    told, log = tmp_path / "told", tmp_path / "state" / "daemon.log"
    os.mkfifo(told)
    reader = os.open(told, os.O_RDONLY | os.O_NONBLOCK)
    command = [sys.executable, "-c", START, str(log), sys.executable, "-uc", READY, str(told)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    os.set_blocking(reader, True)
    process, session, directory = os.read(reader, 1000).decode().split()
    os.close(reader)
    os.kill(int(process), signal.SIGTERM)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert process == session, "a session of its own: closing the terminal must not end it"
    assert directory == "/"
    assert log.read_text() == "starting\n"


def test_what_the_daemon_complains_about_is_passed_on(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = tmp_path / "daemon.log"
    log.write_text("yesterday\n")
    assert start_in_background(["sh", "-c", "echo condafs: no room >&2; exit 4"], log) == 4
    assert capsys.readouterr().err == "condafs: no room\n"
    assert log.read_text() == "yesterday\ncondafs: no room\n"


def test_a_daemon_that_ends_cleanly_without_being_ready_is_no_success(tmp_path: Path) -> None:
    assert start_in_background(["true"], tmp_path / "daemon.log") != 0


def test_a_daemon_that_is_killed_is_no_success(tmp_path: Path) -> None:
    assert start_in_background(["sh", "-c", "kill -9 $$"], tmp_path / "daemon.log") == 128 + 9


def test_a_log_that_cannot_be_written_is_explained(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(MachineError, match="cannot write the daemon's log"):
        start_in_background(["true"], tmp_path / "file" / "daemon.log")
