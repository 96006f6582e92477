"""Channels that fail, disks that are full, builds that hang: what people see, and that it passes."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from tests.channel.faulty_server import Fault, FaultyServer
from tests.end_to_end.serving import CONDAFS, Daemon


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    daemon = Daemon(tmp_path, "attempts: 3\nbackoff-initial-seconds: 1\n")
    yield daemon
    daemon.clear()


def specification(channel: str, *dependencies: str) -> str:
    return f"name: foo\nchannels: ['{channel}']\ndependencies: [{', '.join(dependencies)}]\n"


def test_the_next_try_is_remembered_over_a_restart_and_succeeds(
    daemon: Daemon, http_channel: FaultyServer, channel_url: str
) -> None:
    daemon.config.write_text("attempts: 3\nbackoff-initial-seconds: 600\nbackoff-cap-seconds: 600\n")
    daemon.start()
    (daemon.specs / "foo.yaml").write_text(specification(channel_url, "zz-lib =1.0"))
    first = daemon.wait_until_ready("foo")["current"]["build"]
    http_channel.fail(Fault.ERROR, r"zz-lib-2.*\.conda$", status=503)
    (daemon.specs / "foo.yaml").write_text(specification(http_channel.url, "zz-lib =2.0"))
    waiting = daemon.wait_for("foo", lambda status: status["state"] == "waiting")
    next_try = waiting["building"]["next_try"]
    assert 550 < datetime.fromisoformat(next_try).timestamp() - time.time() < 800
    assert waiting["last_error"]["kind"] == "network"
    assert "503" in waiting["last_error"]["message"]
    assert os.readlink(daemon.envs / "foo") == first

    assert daemon.stop() == 0
    daemon.start()
    again = daemon.status("foo")
    assert (again["state"], again["building"]["next_try"], again["building"]["attempts"]) == ("waiting", next_try, 1)
    http_channel.recover()
    (daemon.specs / "foo.yaml").touch()  # now, not in ten minutes
    ready = daemon.wait_for("foo", lambda status: status["state"] == "ready")
    assert ready["current"]["generation"] == 2
    assert "last_error" not in ready
    assert daemon.stop() == 0


def test_tries_end_and_the_name_keeps_its_last_good_build(
    daemon: Daemon, http_channel: FaultyServer, channel_url: str
) -> None:
    daemon.config.write_text("attempts: 2\nbackoff-initial-seconds: 0.2\n")
    daemon.start()
    (daemon.specs / "foo.yaml").write_text(specification(channel_url, "zz-lib =1.0"))
    first = daemon.wait_until_ready("foo")["current"]["build"]
    http_channel.fail(Fault.TRUNCATE, r"zz-lib-2.*\.conda$")
    (daemon.specs / "foo.yaml").write_text(specification(http_channel.url, "zz-lib =2.0"))
    failed = daemon.wait_for("foo", lambda status: status["state"] == "failed")
    assert failed["building"]["attempts"] == 2
    assert os.readlink(daemon.envs / "foo") == first
    assert sorted(os.listdir(daemon.state / "builds")) == [first]
    assert daemon.stop() == 0


def test_a_build_that_hangs_is_cancelled_by_removing_its_log_and_nothing_is_left(
    daemon: Daemon, channel_url: str
) -> None:
    daemon.start()
    (daemon.specs / "foo.yaml").write_text(specification(channel_url, "zz-slowlink"))
    status = daemon.wait_for("foo", lambda status: status.get("building", {}).get("phase") == "post-link")
    (daemon.envs / ".logs" / f"{status['building']['build']}.log").unlink()
    daemon.wait_for("foo", lambda status: status["state"] == "cancelled")
    deadline = time.monotonic() + 20
    while os.listdir(daemon.state / "builds") and time.monotonic() < deadline:
        time.sleep(0.05)  # the prefix is removed behind the scenes
    assert not os.listdir(daemon.state / "builds")
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(daemon.state / "builds") not in running
    assert daemon.stop() == 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")
def test_a_full_disk_is_a_clear_failure_and_the_name_keeps_its_build(tmp_path: Path, channel_url: str) -> None:
    small = tmp_path / "small"
    small.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=100m", "tmpfs", small], check=True)
    daemon = Daemon(tmp_path, "attempts: 2\nbackoff-initial-seconds: 0.2\n")
    daemon.state = small / "state"
    try:
        daemon.start()
        (daemon.specs / "foo.yaml").write_text(specification(channel_url, "zz-lib =1.0"))
        first = daemon.wait_until_ready("foo")["current"]["build"]
        (daemon.specs / "foo.yaml").write_text(specification(channel_url, "zz-lib =1.0", "zz-bigfile", "zz-manyfiles"))
        daemon.wait_until_ready("foo")
        filler = small / "filler"
        with filler.open("wb") as file:
            room = os.statvfs(small).f_bavail * os.statvfs(small).f_frsize
            file.write(bytes(max(0, room - (3 << 20))))
        (daemon.specs / "foo.yaml").write_text(specification(channel_url, "python", "pip"))
        failed = daemon.wait_for("foo", lambda status: status["state"] == "failed")
        assert failed["last_error"]["kind"] == "disk-full"
        assert "room" in failed["last_error"]["message"] or "space" in failed["last_error"]["message"]
        assert (daemon.envs / "foo" / "conda-meta").is_dir()
        assert (daemon.envs / first / "conda-meta").is_dir()
        filler.unlink()
        (daemon.specs / "foo.yaml").write_text(specification(channel_url, "zz-lib =2.0"))
        assert daemon.wait_until_ready("foo")["current"]["generation"] == 3
        assert daemon.stop() == 0
    finally:
        daemon.clear()
        subprocess.run(["umount", "-l", small], check=True)


def test_signals_that_come_together_end_it_cleanly(daemon: Daemon) -> None:
    for pair in ((signal.SIGTERM, signal.SIGHUP), (signal.SIGINT, signal.SIGTERM)):
        daemon.start()
        assert daemon.process
        for number in pair:
            os.kill(daemon.process.pid, number)
        assert daemon.wait_for_end() == 0
        assert not daemon.is_mounted()


def test_a_second_daemon_at_the_same_place_says_one_sentence(daemon: Daemon, tmp_path: Path) -> None:
    daemon.start()
    for state in (daemon.state, tmp_path / "other"):
        arguments = ["mount", str(daemon.envs), "--state", str(state)]
        second = subprocess.run([*CONDAFS, *arguments], capture_output=True, text=True, check=False, timeout=60)
        assert second.returncode in {2, 4, 5}
        assert "Traceback" not in second.stderr
        assert str(daemon.envs) in second.stderr or str(state) in second.stderr
    assert daemon.stop() == 0


def test_a_roll_back_right_after_a_write_holds(daemon: Daemon, channel_url: str) -> None:
    daemon.start()
    file = daemon.specs / "foo.yaml"
    builds = []
    for version in ("1.0", "2.0"):
        file.write_text(specification(channel_url, f"zz-lib ={version}"))
        document = daemon.wait_for("foo", lambda status: status["state"] == "ready" and "building" not in status)
        builds.append(document["current"]["build"])
    for _ in range(20):
        file.write_text(specification(channel_url, "zz-lib =2.0"))
        os.symlink(builds[0], daemon.envs / "temporary")
        os.rename(daemon.envs / "temporary", daemon.envs / "foo")
        daemon.status("foo")  # waits for what was written before
        assert os.readlink(daemon.envs / "foo") == builds[0]
    assert daemon.stop() == 0
