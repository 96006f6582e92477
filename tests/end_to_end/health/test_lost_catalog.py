"""The catalog is lost or damaged: the daemon says so and removes nothing, and one command brings everything back."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.end_to_end.serving import CONDAFS, Daemon
from tests.forked import run_condafs


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory, channel_url: str) -> Iterator[Daemon]:
    """It made three builds of two environments, one of which was rolled back; then it ended."""
    daemon = Daemon(tmp_path_factory.mktemp("l"), "backoff-initial-seconds: 0.1\n")
    daemon.start()
    for name, version in (("foo", "1.0"), ("foo", "2.0"), ("bar", "1.0")):
        text = f"name: {name}\nchannels: ['{channel_url}']\ndependencies: [zz-lib ={version}]\n"
        (daemon.specs / f"{name}.yaml").write_text(text)
        daemon.wait_until_ready(name)
        subprocess.run(["sleep", "1.1"], check=True)  # logs tell moments to the second
    run_condafs("rollback", "foo", "1", "--mount", daemon.envs).check_returncode()
    assert daemon.stop() == 0
    yield daemon
    daemon.clear()


def seen(daemon: Daemon) -> dict[str, object]:
    """What people see."""
    found: dict[str, object] = {}
    for name in ("foo", "bar"):
        found[name] = os.readlink(daemon.envs / name)
        found[f"history of {name}"] = sorted(
            (link, os.readlink(daemon.envs / ".history" / name / link))
            for link in os.listdir(daemon.envs / ".history" / name)
            if not link.startswith(".")
        )
        status = daemon.status(name)
        found[f"status of {name}"] = [
            status["state"],
            status["current"]["package_count"],
            status["current"]["size_bytes"],
        ]
        found[f"file of {name}"] = status["file"]
    return found


def fail_to_start(daemon: Daemon) -> str:
    done = run_condafs(*daemon.arguments())
    assert done.returncode == 5, done.stderr
    assert "Traceback" not in done.stderr
    assert not daemon.is_mounted()
    return done.stderr


def rebuild(daemon: Daemon, *arguments: str) -> "subprocess.CompletedProcess[str]":
    return run_condafs("doctor", "--rebuild-catalog", "--state", daemon.state, *arguments)


def cut(catalog: Path) -> None:
    os.truncate(catalog / "data.mdb", (catalog / "data.mdb").stat().st_size // 3)


def fill_with_zeros(catalog: Path) -> None:
    size = (catalog / "data.mdb").stat().st_size
    with (catalog / "data.mdb").open("r+b") as file:
        file.seek(8192)
        file.write(bytes(size - 8192))


DAMAGES: dict[str, Callable[[Path], object]] = {
    "removed": shutil.rmtree,
    "emptied": lambda catalog: os.truncate(catalog / "data.mdb", 0),
    "cut": cut,
    "filled with zeros": fill_with_zeros,
    "garbage": lambda catalog: (catalog / "data.mdb").write_bytes(b"garbage " * 10_000),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_everything_comes_back_and_nothing_was_removed(daemon: Daemon, damage: str) -> None:
    daemon.start()
    before = seen(daemon)
    assert daemon.stop() == 0
    builds = sorted(os.listdir(daemon.state / "builds"))
    inodes = [(daemon.state / "builds" / build).stat().st_ino for build in builds]
    DAMAGES[damage](daemon.state / "catalog")
    assert "condafs doctor --rebuild-catalog" in fail_to_start(daemon)
    assert sorted(os.listdir(daemon.state / "builds")) == builds
    done = rebuild(daemon)
    assert done.returncode == 0, done.stderr
    assert "3 builds of 2 environments" in done.stdout
    kept = list(daemon.state.glob("catalog.damaged-*"))
    assert bool(kept) == (damage != "removed")
    for path in kept:
        shutil.rmtree(path)
    daemon.start()
    assert seen(daemon) == before
    assert daemon.stop() == 0
    assert sorted(os.listdir(daemon.state / "builds")) == builds
    assert [(daemon.state / "builds" / build).stat().st_ino for build in builds] == inodes


def test_a_sound_catalog_is_left_alone_unless_it_is_forced(daemon: Daemon) -> None:
    before = (daemon.state / "catalog/data.mdb").read_bytes()
    done = rebuild(daemon)
    assert done.returncode == 0
    assert "nothing was done" in done.stdout
    assert (daemon.state / "catalog/data.mdb").read_bytes() == before
    assert "3 builds" in rebuild(daemon, "--force").stdout


def test_it_does_not_touch_the_catalog_of_a_daemon_that_runs(daemon: Daemon) -> None:
    daemon.start()
    done = rebuild(daemon, "--force")
    assert done.returncode == 5
    assert "another condafs" in done.stderr
    assert daemon.stop() == 0


def test_a_rebuild_that_is_killed_anywhere_leaves_the_old_catalog_or_the_new(daemon: Daemon) -> None:
    daemon.start()
    before = seen(daemon)
    assert daemon.stop() == 0
    cut(daemon.state / "catalog")
    for hundredths in range(0, 100, 10):
        process = subprocess.Popen(
            [*CONDAFS, "doctor", "--rebuild-catalog", "--state", daemon.state],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            process.wait(hundredths / 100)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    assert rebuild(daemon).returncode == 0
    daemon.start()
    assert seen(daemon) == before
    assert daemon.stop() == 0
