import logging
import sys
import types
from collections.abc import Iterator
from pathlib import Path

import pytest

from condafs.cli import mounting
from condafs.cli.requirements import Finding, Level
from condafs.client import mountpoint
from condafs.config import Settings
from tests.component.cli.conftest import Run


@pytest.fixture(autouse=True)
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine with FUSE and without any mount, whatever this one has."""
    monkeypatch.setattr(mounting, "fuse_findings", lambda **_: [])
    monkeypatch.setattr(mountpoint, "MOUNTINFO", tmp_path / "mountinfo")
    (tmp_path / "mountinfo").touch()
    (tmp_path / "condafs.yaml").write_text(f"state: {tmp_path}/state\njobs: 3\n")


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[Path, Settings]]]:
    """A daemon that only notes what it was given; the log is put back as it was."""
    calls: list[tuple[Path, Settings]] = []

    def run_daemon(place: Path, settings: Settings, *, takes_over: bool) -> int:
        assert not takes_over
        calls.append((place, settings))
        return 0

    daemon = types.ModuleType("condafs.daemon")
    monkeypatch.setattr(daemon, "run", run_daemon, raising=False)
    monkeypatch.setitem(sys.modules, "condafs.daemon", daemon)
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield calls
    root.handlers[:] = handlers
    root.setLevel(level)


def test_the_daemon_gets_an_absolute_place_and_the_settings(
    run: Run, served: list[tuple[Path, Settings]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("mount", "mnt", "--config", "condafs.yaml").code == 0
    ((place, settings),) = served
    assert place == tmp_path / "mnt"
    assert place.is_dir(), "it is made"
    assert (settings.state, settings.jobs) == (tmp_path / "state", 3)


def test_a_directory_that_is_not_empty_is_refused(run: Run, served: object, tmp_path: Path) -> None:
    (tmp_path / "mnt" / "precious").mkdir(parents=True)
    outcome = run("mount", str(tmp_path / "mnt"), "--config", str(tmp_path / "condafs.yaml"))
    assert outcome.code == 2
    assert "'precious'" in outcome.err
    assert served == []


@pytest.mark.parametrize(
    ("place", "says"),
    [
        ("a/b/c", "Make it: mkdir -p"),
        ("mountinfo", "is not a directory"),
        ("state/mnt", "must lie apart"),
        (".", "must lie apart"),
    ],
)
def test_where_nothing_can_be_mounted_is_said(run: Run, tmp_path: Path, place: str, says: str) -> None:
    outcome = run("mount", str(tmp_path / place), "--config", str(tmp_path / "condafs.yaml"))
    assert outcome.code == 2
    assert says in outcome.err


def test_a_mount_that_answers_is_not_mounted_over(run: Run, tmp_path: Path) -> None:
    (tmp_path / "mnt" / ".specs").mkdir(parents=True)
    (tmp_path / "mountinfo").write_text(f"36 35 0:9 / {tmp_path}/mnt rw - fuse.condafs condafs rw\n")
    outcome = run("mount", str(tmp_path / "mnt"), "--config", str(tmp_path / "condafs.yaml"))
    assert outcome.code == 2
    assert "already" in outcome.err


def test_a_dead_mount_of_ours_is_left_to_the_daemon(
    run: Run, served: list[tuple[Path, Settings]], tmp_path: Path
) -> None:
    (tmp_path / "mountinfo").write_text(f"36 35 0:9 / {tmp_path}/mnt rw - fuse.condafs condafs rw\n")
    assert run("mount", str(tmp_path / "mnt"), "--config", str(tmp_path / "condafs.yaml")).code == 0
    assert len(served) == 1


def test_a_machine_that_is_not_ready_says_what_to_do(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    missing = Finding("FUSE device", Level.PROBLEM, "there is no /dev/fuse", "modprobe fuse")
    monkeypatch.setattr(mounting, "fuse_findings", lambda **_: [missing])
    outcome = run("mount", str(tmp_path / "mnt"))
    assert outcome.code == 4
    assert "there is no /dev/fuse.\n    What to do: modprobe fuse" in outcome.err


def test_a_settings_file_that_is_refused_is_shown(run: Run, tmp_path: Path) -> None:
    (tmp_path / "condafs.yaml").write_text("jobbs: 3\n")
    outcome = run("mount", str(tmp_path / "mnt"), "--config", str(tmp_path / "condafs.yaml"))
    assert outcome.code == 2
    assert "did you mean `jobs`?" in outcome.err
