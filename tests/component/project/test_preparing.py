"""A project's file is handed on when it changed, and noted down where the shells look."""

import os
from pathlib import Path

import pytest

from condafs.errors import MachineError, UserError
from condafs.project.place import Project, find_project
from condafs.project.preparing import prepare_name, prepare_project
from tests.component.cli.fake_envs import FakeEnvs

TEXT = "dependencies: [python]\n"


@pytest.fixture
def envs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeEnvs:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "home"))
    return FakeEnvs.make(tmp_path / "m")


@pytest.fixture
def project(tmp_path: Path) -> Project:
    (tmp_path / "foo").mkdir()
    (tmp_path / "foo/environment.yml").write_text(TEXT)
    return Project(tmp_path / "foo/environment.yml")


def publish(envs: FakeEnvs, letter: str) -> None:
    envs.point("foo", envs.add_generation("foo", ord(letter), letter))
    envs.set_status("foo", state="ready", file="foo.yml")


def test_the_nearest_file_upward_makes_the_project(tmp_path: Path, project: Project) -> None:
    below = tmp_path / "foo/a/b"
    below.mkdir(parents=True)
    assert find_project(below) == project
    (tmp_path / "foo/a/environment.yaml").write_text(TEXT)
    assert find_project(below) == Project(tmp_path / "foo/a/environment.yaml")
    assert find_project(project.file) == project


def test_a_file_is_submitted_once_and_noted(envs: FakeEnvs, project: Project) -> None:
    assert project.has_changed() is None
    prepared = prepare_project(project, envs.mount)
    assert prepared.error is None
    assert prepared.environment == envs.mount / "foo"
    assert prepared.prefix is None
    assert (envs.mount / ".specs/foo.yml").read_text() == TEXT
    assert os.readlink(project.place / "environment") == str(envs.mount / "foo")
    assert os.readlink(project.place / "status") == str(envs.mount / ".status/foo")
    assert project.has_changed() is False
    project.file.write_text(TEXT + "# more\n")
    assert project.has_changed() is True


def test_what_was_written_into_specs_later_stays(envs: FakeEnvs, project: Project) -> None:
    place = envs.mount / ".specs/foo.yml"
    place.write_text("dependencies: []\n")
    os.utime(place, (4e9, 4e9))
    prepared = prepare_project(project, envs.mount)
    assert "was changed later" in prepared.remark
    assert place.read_text() == "dependencies: []\n"


def test_the_prefix_behind_the_name_is_entered_and_remembered(envs: FakeEnvs, project: Project) -> None:
    prepare_project(project, envs.mount)
    publish(envs, "a")
    prepared = prepare_project(project, envs.mount)
    assert prepared.prefix == (envs.mount / "foo").resolve()
    envs.mount.rename(envs.mount.with_name("away"))
    prepared = prepare_project(project, envs.mount)
    assert isinstance(prepared.error, MachineError | UserError)
    assert prepared.prefix == project.prefix is not None


def test_a_refusal_is_kept_in_words_until_the_file_is_mended(envs: FakeEnvs, project: Project) -> None:
    project.file.write_text("dependencies: [python\n")
    prepared = prepare_project(project, envs.mount)
    assert str(prepared.error) == (project.place / "refusal").read_text()
    assert project.has_changed() is False
    project.file.write_text(TEXT)
    assert prepare_project(project, envs.mount).error is None
    assert not (project.place / "refusal").exists()


def test_without_a_mount_nothing_is_taken_for_done(envs: FakeEnvs, project: Project) -> None:
    assert prepare_project(project, envs.mount.with_name("nowhere")).error is not None
    assert project.has_changed() is None


@pytest.mark.parametrize(
    ("state", "says"),
    [
        ("building", "foo is building; there is no build to use yet"),
        ("failed", "foo: its build failed; there is no build to use. See: condafs logs foo"),
        ("cancelled", "foo: its build was cancelled; there is no build to use. See: condafs logs foo"),
    ],
)
def test_what_becomes_of_it_is_told(envs: FakeEnvs, state: str, says: str) -> None:
    envs.set_status("foo", state=state)
    assert prepare_name("foo", envs.mount).progress == says


def test_a_project_is_followed_when_that_was_allowed(envs: FakeEnvs, project: Project) -> None:
    assert not project.is_allowed
    project.allow()
    assert project.is_allowed
    assert project.place.stat().st_mode & 0o077 == 0
    project.forbid()
    project.forbid()
    assert not project.is_allowed
