import json
from pathlib import Path

import pytest

from condafs.client import mountpoint
from condafs.config import machine_platform
from tests.component.cli.conftest import Run


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A settings file for a channel in a directory, and a machine without mounts."""
    platform = tmp_path / "channels" / "good" / machine_platform()
    platform.mkdir(parents=True)
    (platform / "repodata.json").write_text("{}")
    monkeypatch.setattr(mountpoint, "MOUNTINFO", tmp_path / "mountinfo")
    (tmp_path / "mountinfo").touch()
    file = tmp_path / "condafs.yaml"
    file.write_text(
        f"state: {tmp_path}/state\nchannel-alias: file://{tmp_path}/channels\ndefault-channels: [good, bad]\n"
    )
    return file


def findings(run: Run, settings: Path) -> dict[str, dict[str, str]]:
    return {item["subject"]: item for item in json.loads(run("doctor", "--json", "--config", str(settings)).out)}


def test_channels_are_tried(run: Run, settings: Path) -> None:
    found = findings(run, settings)
    assert found["channel good"]["level"] == "ok"
    assert found["channel bad"]["level"] == "warning"
    assert "default-channels" in found["channel bad"]["remedy"]


def test_libraries_are_imported(run: Run, settings: Path) -> None:
    assert "pyfuse3 3" in findings(run, settings)["libraries"]["message"]


def test_a_dead_mount_is_found(run: Run, settings: Path, tmp_path: Path) -> None:
    line = f"36 35 0:9 / {tmp_path}/gone rw - fuse.condafs condafs rw\n"
    (tmp_path / "mountinfo").write_text(line)
    mount = findings(run, settings)[f"mount {tmp_path}/gone"]
    assert mount["level"] == "warning"
    assert "fusermount3 -uz" in mount["remedy"]


def test_people_get_a_table_and_what_to_do(run: Run, settings: Path) -> None:
    out = run("doctor", "--config", str(settings)).out
    assert "channel good" in out
    assert "\nchannel bad: check network and proxy" in out


def test_a_problem_is_told_by_the_exit_code(run: Run, settings: Path, tmp_path: Path) -> None:
    (tmp_path / "state").touch()
    assert run("doctor", "--config", str(settings)).code == 4
