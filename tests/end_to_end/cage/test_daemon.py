"""A daemon with hostile packages in its channel: it goes on, tells the level, and refuses to build in less."""

import json
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.channel.hostile import channel_of, with_script
from tests.end_to_end.serving import CONDAFS, Daemon

SETTINGS = "attempts: 1\nbuild-processes: 200\nbuild-wall-seconds: 30\n"


@pytest.fixture
def place() -> Iterator[Path]:
    """Short, and open."""
    directory = tempfile.mkdtemp(prefix="condafs-")
    yield Path(directory)
    subprocess.run(["rm", "--recursive", "--force", "--", directory], check=True)  # whatever is left, however deep


def channel(place: Path) -> str:
    packages = [
        with_script("zz-bomb", "bomb() { bomb | bomb & }", "bomb", "sleep 3600"),
        with_script(
            "zz-kills", "for p in $(ls /proc | grep '^[0-9]'); do kill -0 $p && kill -TERM $PPID; done", "exit 0"
        ),
        with_script("zz-harmless", "exit 0"),
    ]
    channel_of(place / "channel", *packages).finish()
    return (place / "channel").as_uri()


def specification(name: str, url: str) -> str:
    return f"name: {name}\nchannels: ['{url}']\ndependencies: [{name}]\n"


@pytest.mark.parametrize("sandbox", ["landlock", "bubblewrap"])
def test_it_survives_and_other_environments_are_built(place: Path, sandbox: str) -> None:
    url = channel(place)
    daemon = Daemon(place / "d", f"{SETTINGS}sandbox: {sandbox}\n")
    daemon.start()
    try:
        for name in ("zz-bomb", "zz-kills", "zz-harmless"):
            (daemon.specs / f"{name}.yaml").write_text(specification(name, url))
        assert daemon.wait_until_ready("zz-harmless")["current"]["sandbox"] == "bubblewrap"
        daemon.wait_until_ready("zz-kills")
        failed = daemon.wait_for("zz-bomb", lambda document: document["state"] == "failed")
        assert "build-processes" in failed["last_error"]["message"]
        [log] = daemon.state.glob("logs/*-zz-harmless.log")
        assert "sandbox: bubblewrap (Landlock" in log.read_text()
        said = subprocess.check_output([*CONDAFS, "status", "zz-harmless", "--json", "--mount", daemon.envs])
        assert json.loads(said)["current"]["sandbox"] == "bubblewrap"
        assert daemon.stop() == 0
        assert not daemon.is_mounted()
    finally:
        daemon.clear()


def test_directories_as_deep_as_they_like_end_no_daemon(place: Path) -> None:
    deep = "for d in $PREFIX $TMPDIR; do perl -e 'chdir shift; for (1..1100) { mkdir q(a); chdir q(a) }' $d; done"
    channel_of(place / "channel", with_script("zz-deep", deep, "exit 1"), with_script("zz-fine", "exit 0")).finish()
    daemon = Daemon(place / "d", f"{SETTINGS}sandbox: landlock\n")
    daemon.start()
    try:
        for name in ("zz-deep", "zz-fine"):
            (daemon.specs / f"{name}.yaml").write_text(specification(name, (place / "channel").as_uri()))
        failed = daemon.wait_for("zz-deep", lambda document: document["state"] == "failed")
        assert failed["last_error"]["kind"] == "post-link"
        daemon.wait_until_ready("zz-fine")
        assert [path.name.rpartition("-zz-")[2] for path in daemon.state.glob("builds/*")] == ["fine"]
        assert daemon.stop() == 0
    finally:
        daemon.clear()


def test_what_is_demanded_and_not_there_fails_builds_and_is_a_problem_to_the_doctor(place: Path) -> None:
    url = channel(place)
    daemon = Daemon(place / "d", f"{SETTINGS}sandbox: unit\n")
    daemon.start()
    try:
        (daemon.specs / "zz-harmless.yaml").write_text(specification("zz-harmless", url))
        failed = daemon.wait_for("zz-harmless", lambda document: document["state"] == "failed")
        assert failed["last_error"]["kind"] == "sandbox"
        assert "demands unit" in failed["last_error"]["message"]
        assert "condafs doctor" in failed["last_error"]["message"]
    finally:
        daemon.stop()
        daemon.clear()
    done = subprocess.run(
        [*CONDAFS, "doctor", "--config", daemon.config, "--state", daemon.state],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 4
    assert "no build will be made" in done.stdout
