"""`watch:` of the settings: the daemon itself mirrors what lies elsewhere."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.end_to_end.serving import PATIENCE_SECONDS, Daemon


def specification(channel_url: str, version: str) -> str:
    return f"channels: ['{channel_url}']\ndependencies: [python, condafs-hello ={version}]\n"


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return tmp_path / "src"


@pytest.fixture
def daemon(open_directory: Path, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Daemon]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "links"))
    daemon = Daemon(open_directory / "w", f"watch: [{source}]\n")
    daemon.start()
    yield daemon
    assert daemon.stop() == 0
    daemon.clear()


def watchers_of(source: Path) -> set[int]:
    found = subprocess.run(["pgrep", "-f", f"condafs watch .*{source}"], capture_output=True, text=True, check=False)
    return set(map(int, found.stdout.split()))


def test_the_daemon_watches_and_so_does_the_one_after_a_crash(daemon: Daemon, source: Path, channel_url: str) -> None:
    project = source / "elsewhere"
    project.mkdir(parents=True)
    (project / "environment.yml").write_text(specification(channel_url, "1.0"))
    daemon.wait_until_ready("elsewhere")
    assert (daemon.specs / "elsewhere.yml").exists()
    first = watchers_of(source)
    assert len(first) == 1
    daemon.kill()
    (project / "environment.yml").write_text(specification(channel_url, "1.1"))
    daemon.start()
    daemon.wait_for("elsewhere", lambda status: status["state"] == "ready" and status["generations"] == 2)
    hello = subprocess.run([daemon.envs / "elsewhere/bin/condafs-hello"], capture_output=True, text=True, check=True)
    assert hello.stdout == "hello from condafs-hello 1.1\n"
    assert not first & watchers_of(source)
    log = daemon.log.read_text()
    assert "elsewhere: submitted from" in log
    assert "the watcher ended" not in log


def test_a_watcher_that_is_killed_begins_anew(daemon: Daemon, source: Path, channel_url: str) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    while f"{source} is not there; waiting for it. A service sees no homes" not in daemon.log.read_text():
        assert time.monotonic() < deadline
        time.sleep(0.02)  # another process works
    source.mkdir()
    for process in watchers_of(source):
        os.kill(process, 9)
    (source / "again.yaml").write_text(specification(channel_url, "1.0"))
    daemon.wait_until_ready("again")
    assert "the watcher ended with status -9" in daemon.log.read_text()
