import json
import os
import threading
from pathlib import Path

import pytest

from condafs.config import machine_platform
from condafs.names import BuildName, EnvironmentName
from condafs.spec.canonical import digest_of
from condafs.spec.parse import parse
from tests.component.cli.conftest import Run
from tests.component.cli.fake_envs import FakeEnvs

TEXT = "# ours\nname: foo\nchannels: [c]\ndependencies:\n- python 3.12.*\n"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "mine.yaml"
    path.write_text(TEXT)
    return path


def build_of(text: str) -> BuildName:
    specification = parse(text.encode(), "mine.yaml", machine_platform(), 255)
    assert specification
    return BuildName(digest_of(specification), EnvironmentName("foo"))


def publish(envs: FakeEnvs, text: str = TEXT) -> None:
    """What the daemon would do with such a file, at once."""
    build = envs.add_generation("foo", 1, "0")
    ours = build_of(text)
    envs.set_current("foo", build, current={"build": str(ours), "digest": ours.digest.hex, "generation": 1})


def test_build_copies_the_file_byte_for_byte(run: Run, envs: FakeEnvs, file: Path) -> None:
    outcome = run("build", str(file))
    assert outcome.code == 0
    assert str(build_of(TEXT)) in outcome.err
    assert (envs.mount / ".specs" / "mine.yaml").read_text() == TEXT


def test_build_wait_ends_when_it_is_ready(run: Run, envs: FakeEnvs, file: Path) -> None:
    publish(envs)
    outcome = run("build", str(file), "--wait")
    assert outcome.code == 0
    assert "foo is ready" in outcome.err
    assert outcome.out == ""


def test_build_wait_follows_the_phases(run: Run, envs: FakeEnvs, file: Path) -> None:
    ours = build_of(TEXT)
    building = {"build": str(ours), "digest": ours.digest.hex, "state": "building", "phase": "link"}
    envs.set_status("foo", state="building", building=building)
    timer = threading.Timer(0.3, publish, (envs,))
    timer.start()
    outcome = run("build", str(file), "--wait")
    timer.join()
    assert outcome.err.splitlines()[0] == "foo: building link"
    assert "foo is ready" in outcome.err.splitlines()[1]


def test_build_wait_of_what_fails_tells_why(run: Run, envs: FakeEnvs, file: Path) -> None:
    ours = build_of(TEXT)

    def fail() -> None:
        error = {"build": str(ours), "kind": "unsatisfiable", "message": "nothing provides zz"}
        building = {"build": str(ours), "digest": ours.digest.hex, "state": "failed"}
        envs.set_status("foo", state="failed", building=building, last_error=error)

    timer = threading.Timer(0.2, fail)
    timer.start()
    outcome = run("build", str(file), "--wait", "--json")
    timer.join()
    assert outcome.code == 1
    assert "failed: unsatisfiable\nnothing provides zz" in outcome.err
    assert f"{ours}.log" in outcome.err
    assert json.loads(outcome.out)["verdict"] == "failed"


def test_the_failure_that_stood_there_before_is_not_believed(run: Run, envs: FakeEnvs, file: Path) -> None:
    ours = build_of(TEXT)
    envs.set_status("foo", state="failed", building={"build": str(ours), "digest": ours.digest.hex, "state": "failed"})
    timer = threading.Timer(0.3, publish, (envs,))
    timer.start()
    assert run("build", str(file), "--wait").code == 0
    timer.join()


def test_a_build_that_was_superseded_is_said(run: Run, envs: FakeEnvs, file: Path) -> None:
    ours = build_of(TEXT)
    building = {"build": str(ours), "digest": ours.digest.hex, "state": "superseded"}
    timer = threading.Timer(0.1, lambda: envs.set_status("foo", state="queued", building=building))
    timer.start()
    outcome = run("build", str(file), "--wait")
    timer.join()
    assert outcome.code == 1
    assert "was superseded" in outcome.err


REFUSED = {
    "mine.yaml": ("naem: foo\n", "mine.yaml:1:1"),
    "blank.yaml": ("", "blank"),
    "mine.json": ("{}", "ends in .yaml"),
    ".mine.yaml": (TEXT, "begins with a letter"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_that_is_refused_is_not_copied(run: Run, envs: FakeEnvs, tmp_path: Path, name: str) -> None:
    text, says = REFUSED[name]
    (tmp_path / name).write_text(text)
    outcome = run("build", str(tmp_path / name))
    assert outcome.code == 2
    assert says in outcome.err
    assert list((envs.mount / ".specs").iterdir()) == []


def test_a_missing_file_is_said(run: Run) -> None:
    assert run("build", "/nonexistent.yaml").code == 3


def test_update_changes_one_line_and_the_rest_stays(run: Run, envs: FakeEnvs) -> None:
    envs.set_current("foo", envs.add_generation("foo", 1, "a"))
    spec = envs.mount / ".specs" / "foo.yaml"
    spec.write_text(TEXT)
    spec.chmod(0o640)
    assert run("update", "foo", "--as-of", "2026-11-20").code == 0
    assert spec.read_text() == TEXT + "exclude-newer: 2026-11-20\n"
    assert run("update", "foo", "--as-of", "2026-11-22").code == 0
    assert spec.read_text() == TEXT + "exclude-newer: 2026-11-22\n"
    assert spec.stat().st_mode & 0o777 == 0o640
    assert os.listdir(spec.parent) == ["foo.yaml"]


def test_update_of_a_lock_is_refused(run: Run, envs: FakeEnvs) -> None:
    envs.set_current("foo", envs.add_generation("foo", 1, "a"), file="foo.txt")
    url = "https://c.example/linux-64/a-1-0.conda"
    (envs.mount / ".specs" / "foo.txt").write_text(f"@EXPLICIT\n{url}\n")
    outcome = run("update", "foo")
    assert outcome.code == 2
    assert "exact packages" in outcome.err


def test_update_of_a_retired_environment_is_refused(run: Run, envs: FakeEnvs) -> None:
    envs.set_status("foo", state="none", retired=True)
    assert "is retired" in run("update", "foo").err
