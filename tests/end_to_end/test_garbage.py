"""Disks that are short of room, with the real builder: what is collected before a build, what is refused."""

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.serving import CONDAFS, Daemon

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can mount a small disk")

MEGABYTE = 1 << 20
SETTINGS = "attempts: 1\ngc-keep-generations: 1\ngc-keep-days: 0\n"
BIG_FILE_BYTES = 8 * MEGABYTE  # of zz-bigfile, which cannot be compressed


def specification(channel: str, *dependencies: str) -> str:
    return f"name: foo\nchannels: ['{channel}']\ndependencies: [{', '.join(dependencies)}]\n"


class SmallDisk:
    """A filesystem of 64 MB that a daemon has its state on."""

    def __init__(self, place: Path) -> None:
        self.place = place

    @property
    def free_bytes(self) -> int:
        found = os.statvfs(self.place)
        return found.f_bavail * found.f_frsize

    def fill(self, leave_bytes: int) -> None:
        with (self.place / "filler").open("wb") as file:
            file.write(bytes(max(0, self.free_bytes - leave_bytes)))


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[SmallDisk]:
    place = tmp_path / "small"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64m", "tmpfs", place], check=True)
    yield SmallDisk(place)
    subprocess.run(["umount", "-l", place], check=True)


@pytest.fixture
def daemon(tmp_path: Path, disk: SmallDisk) -> Iterator[Daemon]:
    """Keeps nothing that no name leads to; short of room is what has less than 24 MB free."""
    served = Daemon(tmp_path, f"{SETTINGS}gc-free-bytes: 24M\n")
    served.state = disk.place / "state"
    yield from serve(served)


@pytest.fixture
def roomy(tmp_path: Path) -> Iterator[Daemon]:
    """The same, on a large disk."""
    yield from serve(Daemon(tmp_path, f"{SETTINGS}gc-free-bytes: 0\n"))


def serve(daemon: Daemon) -> Iterator[Daemon]:
    try:
        daemon.start()
        yield daemon
        assert daemon.stop() == 0
    finally:
        daemon.clear()


def submit(daemon: Daemon, text: str) -> None:
    (daemon.specs / "foo.yaml").write_text(text)


def gc(daemon: Daemon, *words: str) -> Any:
    command = [*CONDAFS, "gc", "--json", "--mount", daemon.envs, "--config", daemon.config, *words]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2])
    return json.loads(done.stdout)


def test_before_a_build_on_a_short_disk_old_builds_and_their_packages_go(
    daemon: Daemon, disk: SmallDisk, channel_url: str
) -> None:
    submit(daemon, specification(channel_url, "zz-bigfile"))
    first = daemon.wait_until_ready("foo")["current"]["build"]
    submit(daemon, specification(channel_url, "zz-lib =1.0"))
    second = daemon.wait_until_ready("foo")["current"]["build"]
    assert (daemon.state / "packages/pkgs/zz-bigfile-1.0-0").is_dir()
    disk.fill(3 * MEGABYTE)
    submit(daemon, specification(channel_url, "zz-lib =2.0"))
    assert daemon.wait_for("foo", lambda status: status["current"]["build"] not in (first, second))
    assert disk.free_bytes > BIG_FILE_BYTES
    assert not os.path.lexists(daemon.envs / first)
    assert (daemon.envs / second / "conda-meta").is_dir()
    assert not (daemon.state / "packages/pkgs/zz-bigfile-1.0-0").exists()
    assert "room was short" in daemon.log.read_text()


def test_what_cannot_fit_is_refused_before_it_is_fetched(daemon: Daemon, disk: SmallDisk, channel_url: str) -> None:
    submit(daemon, specification(channel_url, "zz-lib =1.0"))
    daemon.wait_until_ready("foo")
    disk.fill(12 * MEGABYTE)
    submit(daemon, specification(channel_url, "zz-bigfile"))
    failed = daemon.wait_for("foo", lambda status: status["state"] == "failed")
    assert failed["last_error"]["kind"] == "disk-full"
    assert "needs at least 17 MB for 1 packages" in failed["last_error"]["message"]
    assert "condafs gc" in failed["last_error"]["message"]
    assert not (daemon.state / "packages/pkgs/zz-bigfile-1.0-0").exists()
    assert failed["current"]["generation"] == 1


def test_a_running_interpreter_keeps_its_build_and_finds_its_modules(roomy: Daemon, channel_url: str) -> None:
    daemon = roomy
    submit(daemon, specification(channel_url, "python"))
    first = daemon.wait_until_ready("foo")["current"]["build"]
    code = "print('ready', flush=True); input(); import email.message; print('imported')"
    with subprocess.Popen(
        [daemon.envs / "foo/bin/python", "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        submit(daemon, specification(channel_url, "zz-lib =1.0"))
        daemon.wait_for("foo", lambda status: status["current"]["build"] != first)
        kept = {item["build"]: item["root"] for item in gc(daemon)["builds"]}
        assert kept[first] == "used"
        (daemon.envs / first).unlink()  # somebody deletes it all the same
        assert not os.path.lexists(daemon.envs / first)
        assert (daemon.state / "builds" / first / "conda-meta").is_dir()
        assert process.communicate("\n")[0] == "imported\n"
    gone = daemon.state / "builds" / first
    daemon.wait_for("foo", lambda _: not gone.exists())


def test_the_bytes_that_gc_says_are_free_are(daemon: Daemon, disk: SmallDisk, channel_url: str) -> None:
    submit(daemon, specification(channel_url, "zz-bigfile", "zz-manyfiles"))
    daemon.wait_until_ready("foo")
    submit(daemon, specification(channel_url, "zz-lib =1.0"))
    daemon.wait_for("foo", lambda status: status["current"]["generation"] == 2)
    promised = gc(daemon, "--dry-run", "--keep-packages-days", "0")["freed_bytes"]
    before = disk.free_bytes
    freed = gc(daemon, "--keep-packages-days", "0")["freed_bytes"]
    assert freed == promised
    # On a machine that is busy `gc` says that the files are still going, and ends.
    daemon.wait_for("foo", lambda _: abs(disk.free_bytes - before - freed) < MEGABYTE)
