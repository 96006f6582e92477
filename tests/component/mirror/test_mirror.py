"""What goes through the door and what is said of it, on a directory that is laid out like a mount."""

import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from condafs.client.envs import Envs
from condafs.mirror.claims import Claims
from condafs.mirror.door import Door, read_whole
from condafs.mirror.mirror import GRACE_SECONDS, Mirror
from condafs.mirror.reports import Kind, Report
from condafs.mirror.survey import Selection, survey
from tests.component.cli.fake_envs import FakeEnvs


def text(*packages: str, name: str = "") -> str:
    head = f"name: {name}\n" if name else ""
    return f"{head}dependencies: [{', '.join(packages or ('python',))}]\n"


@dataclass
class House:
    """A watched directory, a mount, a mirror between them, and time that passes when it is told to."""

    fake: FakeEnvs
    source: Path
    links: Path
    retires: bool = False
    now: float = 0
    reports: list[Report] = field(default_factory=list)
    mirror: Mirror | None = None

    def begin(self) -> None:
        """As when the watcher is started (again)."""
        envs = Envs(self.fake.mount)
        door = Door(envs, Claims(envs.mount, Door.describes, self.links))
        self.mirror = Mirror(door, self.reports.append, [self.source], retires=self.retires, clock=lambda: self.now)

    def look(self, *, later: float = 0) -> list[str]:
        """One survey; what was said."""
        assert self.mirror
        self.now += later
        self.reports.clear()
        self.mirror.update(survey(Selection((self.source,))))
        for report in self.reports:
            if report.kind is Kind.SUBMITTED:  # the mount knows it from now on
                self.fake.set_status(report.name, state="queued", file=self.file_of(report.name))
        return [f"{report.kind} {report.name}".rstrip() for report in self.reports]

    def file_of(self, name: str) -> str:
        known = Envs(self.fake.mount).find_status(name)
        return known.file if known else next(entry for entry in os.listdir(self.specs) if entry.startswith(f"{name}."))

    @property
    def specs(self) -> Path:
        return self.fake.mount / ".specs"

    def put(self, path: str, content: str) -> Path:
        file = self.source / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
        return file


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., House]:
    def build(*, retires: bool = False) -> House:
        house = House(FakeEnvs.make(tmp_path / "m"), tmp_path / "src", tmp_path / "links", retires)
        house.source.mkdir()
        house.begin()
        return house

    return build


@pytest.fixture
def house(make: Callable[..., House]) -> House:
    return make()


def test_what_is_there_and_what_changes_is_submitted_once(house: House) -> None:
    file = house.put("foo/environment.yml", text())
    assert house.look() == ["submitted foo"]
    assert (house.specs / "foo.yml").read_text() == text()
    assert house.look() == []
    file.touch()
    assert house.look() == []
    file.write_text(text("python", "rich"))
    assert house.look() == ["submitted foo"]
    assert (house.specs / "foo.yml").read_text() == text("python", "rich")


def test_yaml_of_other_kinds_is_left_alone_until_it_becomes_an_environment_file(house: House) -> None:
    file = house.put("ci.yaml", "on: push\n")
    assert house.look() == []
    file.write_text(text())
    assert house.look() == ["submitted ci"]
    file.write_text("on: push\n")
    assert house.look() == ["refused ci"]


def test_a_bad_file_stops_no_other_and_is_refused_once_for_each_content(house: House) -> None:
    bad = house.put("a/environment.yml", "dependencies: [python\n")
    house.put("b/environment.yml", text())
    assert house.look() == ["refused", "submitted b"]
    assert f"{bad}:2:1" in house.reports[0].text
    assert "^" in house.reports[0].text
    bad.touch()
    assert house.look() == []
    bad.write_text("dependencies: python\n")
    assert house.look() == ["refused"]
    bad.write_text(text())
    assert house.look() == ["submitted a"]
    bad.write_text("dependencies: [python\n")
    assert house.look() == ["refused a"]
    assert (house.specs / "a.yml").read_text() == bad.read_text()  # so that `.error` appears beside it


def test_a_bad_file_is_not_shown_under_a_name_that_is_somebody_elses(house: House) -> None:
    house.fake.set_status("a", state="ready", file="a.yaml")
    (house.specs / "a.yaml").write_text(text())
    house.put("a/environment.yml", "dependencies: [python\n")
    assert house.look() == ["refused"]
    assert (house.specs / "a.yaml").read_text() == text()


def test_credentials_are_not_said(house: House) -> None:
    house.put("environment.yml", "channels: ['https://ann:secret@host/x']\ndependencies: python\nchanels: 1\n")
    house.put("b/environment.yml", "dependencies: ['https://ann:secret@host/x y']\n")
    assert house.look() == ["refused", "refused"]
    assert not any("secret" in report.text for report in house.reports)


def test_an_unreadable_file_is_said_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    file = house.put("environment.yml", text())

    def refuse(*_: object) -> bytes:
        raise PermissionError(13, "Permission denied", str(file))

    monkeypatch.setattr("condafs.mirror.mirror.read_whole", refuse)  # root may read everything
    assert house.look() == ["refused"]
    assert house.look() == []
    monkeypatch.undo()
    file.chmod(0o640)
    assert house.look() == ["submitted src"]


def test_only_regular_files_are_read_and_nothing_is_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")

    def give_up(*_: object) -> None:
        raise AssertionError

    former = signal.signal(signal.SIGALRM, give_up)
    signal.alarm(10)
    try:
        for name in ("pipe", "link", "/dev/zero"):
            with pytest.raises(OSError, match="no regular file"):
                read_whole(tmp_path / name)
            assert Door.describes(tmp_path / name) is None
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, former)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away, and has to be careful")
def test_root_does_not_follow_somebodys_link_to_what_is_not_theirs(house: House) -> None:
    secret = house.source.with_name("secret.yml")
    secret.write_text("root:secret\n")
    link = house.source / "environment.yml"
    link.symlink_to(secret)
    os.lchown(link, 65534, 65534)
    assert house.look() == ["refused"]
    assert "different users" in house.reports[0].text
    assert os.listdir(house.specs) == []


def test_the_second_file_of_a_name_is_refused_and_gets_it_when_the_first_gives_it_up(house: House) -> None:
    first = house.put("a/environment.yml", text(name="x"))
    second = house.put("a/b/environment.yml", text("rich", name="x"))
    assert house.look() == ["submitted x", "refused"]
    assert f"{second}: the environment x is described by {first} already" in house.reports[1].text
    assert house.look() == []
    first.write_text(text(name="y"))
    assert house.look() == ["submitted y", "submitted x"]
    assert (house.specs / "x.yml").read_text() == second.read_text()


def test_a_file_that_vanishes_for_a_moment_keeps_its_name(house: House) -> None:
    first = house.put("a/environment.yml", text(name="x"))
    house.put("a/b/environment.yml", text("rich", name="x"))
    house.look()
    first.unlink()
    assert house.look() == []
    first.write_text(text(name="x"))
    assert house.look(later=GRACE_SECONDS - 1) == []
    first.unlink()
    assert house.look() == []
    house.look(later=GRACE_SECONDS + 1)
    assert house.look() == ["submitted x"]


def test_a_file_that_moves_takes_its_name_along(house: House) -> None:
    first = house.put("a/environment.yml", text(name="x"))
    house.look()
    first.rename(house.source / "environment.yml")
    assert house.look() == []
    assert house.look(later=GRACE_SECONDS + 1) == []
    (house.source / "environment.yml").write_text(text("rich", name="x"))
    assert house.look() == ["submitted x"]


def test_claims_hold_from_session_to_session(house: House) -> None:
    house.put("a/environment.yml", text(name="x"))
    house.look()
    elsewhere = house.source.with_name("other")
    house.source = elsewhere
    house.put("environment.yml", text("rich", name="x"))
    house.begin()
    assert house.look() == ["refused"]


def test_removing_a_file_leaves_the_environment_alone(house: House) -> None:
    file = house.put("foo/environment.yml", text())
    house.look()
    file.unlink()
    assert house.look() == []
    assert house.look(later=GRACE_SECONDS + 1) == ["gone foo"]
    assert house.look(later=GRACE_SECONDS + 1) == []
    assert (house.specs / "foo.yml").exists()
    file.write_text(text())
    assert house.look() == []  # as it was submitted before


def test_removing_a_file_retires_when_asked_for_after_a_grace(make: Callable[..., House]) -> None:
    house = make(retires=True)
    file = house.put("foo/environment.yml", text())
    house.look()
    file.unlink()
    assert house.look() == []
    assert (house.specs / "foo.yml").exists()
    assert house.look(later=GRACE_SECONDS + 1) == ["retired foo"]
    assert not (house.specs / "foo.yml").exists()


def test_nothing_is_retired_when_what_is_watched_goes_as_a_whole(make: Callable[..., House]) -> None:
    house = make(retires=True)
    house.put("foo/environment.yml", text())
    house.look()
    shutil.rmtree(house.source)
    house.look()
    assert house.look(later=GRACE_SECONDS + 1) == ["gone foo"]
    assert (house.specs / "foo.yml").exists()


def test_what_changed_while_nobody_watched_is_submitted_at_the_start(house: House) -> None:
    file = house.put("foo/environment.yml", text())
    house.look()
    file.write_text(text("rich"))
    house.begin()
    assert house.look() == ["submitted foo"]
    house.begin()
    assert house.look() == []


def test_what_was_written_into_specs_later_stays_until_the_file_changes(house: House) -> None:
    file = house.put("foo/environment.yml", text())
    house.look()
    updated = text() + "exclude-newer: 2026-11-01\n"
    (house.specs / "foo.yml").write_text(updated)
    os.utime(house.specs / "foo.yml", (file.stat().st_ctime + 60,) * 2)
    house.begin()
    assert house.look() == ["kept foo"]
    assert (house.specs / "foo.yml").read_text() == updated
    assert house.look() == []
    file.touch()
    assert house.look() == ["submitted foo"]
    assert (house.specs / "foo.yml").read_text() == text()


def test_the_file_that_describes_an_environment_already_is_the_one_that_is_written(house: House) -> None:
    (house.specs / "environment.yml").write_text(text("rich", name="foo"))
    os.utime(house.specs / "environment.yml", (1, 1))
    house.fake.set_status("foo", state="ready", file="environment.yml")
    house.put("environment.yml", text(name="foo"))
    assert house.look() == ["submitted foo"]
    assert os.listdir(house.specs) == ["environment.yml"]


def test_touching_a_file_that_the_mount_refused_tries_it_again(house: House) -> None:
    file = house.put("foo/environment.yml", text())
    (house.specs / "foo.yml").mkdir()  # as good a reason as a quota
    assert house.look() == ["refused"]
    file.touch()
    assert house.look() == []
    (house.specs / "foo.yml").rmdir()
    file.touch()
    assert house.look() == ["submitted foo"]


def test_a_private_file_stays_private(house: House) -> None:
    house.put("foo/environment.yml", text()).chmod(0o600)
    house.put("bar/environment.yml", text())
    house.look()
    modes = {entry.name: entry.stat().st_mode & 0o777 for entry in house.specs.iterdir()}
    assert modes == {"foo.yml": 0o600, "bar.yml": 0o644}


def test_while_the_mount_is_gone_everything_waits_for_it(house: House) -> None:
    file = house.put("foo/environment.yml", text())
    house.look()
    away = house.fake.mount.with_name("away")
    house.fake.mount.rename(away)
    file.write_text(text("rich"))
    house.put("bar/environment.yml", text())
    assert house.look() == ["offline"]
    assert house.look() == []
    assert house.mirror
    assert house.mirror.is_waiting
    away.rename(house.fake.mount)
    assert sorted(house.look()) == ["online", "submitted bar", "submitted foo"]
    assert not house.mirror.is_waiting


def test_a_blank_file_is_one_that_is_being_made(house: House) -> None:
    file = house.put("foo/environment.yml", "")
    assert house.look() == []
    file.write_text(text())
    assert house.look() == ["submitted foo"]


def test_thousands_of_files_are_each_submitted_once(house: House) -> None:
    for number in range(1000):
        house.put(f"{number % 50}/e{number}.yaml", text())
    assert len(house.look()) == 1000
    assert house.look() == []
