"""Steering, on a directory that is laid out like a mount."""

import errno
import os
from pathlib import Path

import pytest

from condafs.client.envs import Envs
from condafs.client.steering import cancel, delete_build, retire, roll_back, try_again
from condafs.errors import ForbiddenError, InvalidNameError, NotFoundError, QuotaError
from condafs.names import BuildName
from tests.component.cli.fake_envs import FakeEnvs


@pytest.fixture
def fake(tmp_path: Path) -> FakeEnvs:
    """foo with two generations, the second current."""
    fake = FakeEnvs.make(tmp_path)
    for number, letter in enumerate("ab", 1):
        fake.set_current("foo", fake.add_generation("foo", number, letter), number)
    (fake.mount / ".specs/foo.yaml").write_text("dependencies: []\n")
    return fake


def build(letter: str) -> BuildName:
    return BuildName.parse(f"{letter * 64}-foo")


@pytest.mark.parametrize("behalf", ["", "ci"])
def test_a_name_moves_to_a_build_and_nothing_is_left_beside_it(fake: FakeEnvs, behalf: str) -> None:
    before = sorted(os.listdir(fake.mount))
    roll_back(Envs(fake.mount), build("a"), behalf)
    assert os.readlink(fake.mount / "foo") == f"foo@{'a' * 64}"
    assert sorted(os.listdir(fake.mount)) == before


def test_a_refused_move_leaves_nothing_beside_the_name(fake: FakeEnvs) -> None:
    (fake.mount / "foo").unlink()
    (fake.mount / "foo").mkdir()
    before = sorted(os.listdir(fake.mount))
    with pytest.raises(OSError, match="directory"):
        roll_back(Envs(fake.mount), build("a"), "ci")
    assert sorted(os.listdir(fake.mount)) == before


def test_nobody_is_recorded_under_what_is_no_label(fake: FakeEnvs) -> None:
    before = sorted(os.listdir(fake.mount))
    with pytest.raises(InvalidNameError):
        roll_back(Envs(fake.mount), build("a"), "a/../b")
    assert sorted(os.listdir(fake.mount)) == before


def test_a_retired_name_does_not_move(fake: FakeEnvs) -> None:
    fake.set_status("foo", state="none", retired=True)
    with pytest.raises(ForbiddenError, match="is retired"):
        roll_back(Envs(fake.mount), build("a"))


def test_retiring_removes_the_specification_once(fake: FakeEnvs) -> None:
    retire(Envs(fake.mount), "foo")
    assert not (fake.mount / ".specs/foo.yaml").exists()
    fake.set_status("foo", state="none", retired=True)
    with pytest.raises(NotFoundError, match="retired already"):
        retire(Envs(fake.mount), "foo")


def test_trying_again_touches_the_specification(fake: FakeEnvs) -> None:
    os.utime(fake.mount / ".specs/foo.yaml", (1, 1))
    try_again(Envs(fake.mount), "foo")
    assert (fake.mount / ".specs/foo.yaml").stat().st_mtime > 1
    fake.set_status("foo", state="none", retired=True)
    with pytest.raises(NotFoundError, match="no specification"):
        try_again(Envs(fake.mount), "foo")


def test_cancelling_removes_the_log_of_what_is_being_built(fake: FakeEnvs) -> None:
    wanted = f"{'c' * 64}-foo"
    fake.set_status("foo", state="building", building={"build": wanted, "state": "building"})
    log = fake.mount / f".logs/{wanted}.log"
    log.touch()
    assert cancel(Envs(fake.mount), "foo") == wanted
    assert not log.exists()
    with pytest.raises(NotFoundError, match="ended just now"):
        cancel(Envs(fake.mount), "foo")


def test_nothing_is_cancelled_when_nothing_is_being_built(fake: FakeEnvs) -> None:
    with pytest.raises(NotFoundError, match="nothing is being built for foo: it is ready"):
        cancel(Envs(fake.mount), "foo")


def test_deleting_removes_a_build_that_is_there(fake: FakeEnvs) -> None:
    delete_build(Envs(fake.mount), build("a"))
    assert not os.path.lexists(fake.mount / str(build("a")))
    with pytest.raises(NotFoundError, match="no published build"):
        delete_build(Envs(fake.mount), build("a"))


@pytest.mark.parametrize("steer", [cancel, retire, try_again])
def test_unknown_names_are_not_found(fake: FakeEnvs, steer: object) -> None:
    assert callable(steer)
    with pytest.raises(NotFoundError, match="did you mean foo"):
        steer(Envs(fake.mount), "fooo")


def test_a_try_that_a_quota_forbids_is_told_in_the_mounts_words(
    fake: FakeEnvs, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: Path) -> None:
        raise OSError(errno.EDQUOT, "Disk quota exceeded")

    monkeypatch.setattr(Path, "touch", refuse)
    fake.set_status("foo", state="failed", file="foo.yaml", owner=1000)
    with pytest.raises(QuotaError, match="foo: a quota is used up"):
        try_again(Envs(fake.mount), "foo")
    (fake.mount / ".status/.quota").mkdir()
    (fake.mount / ".status/.quota/1000").write_text("used_up: you began 2 of 2\n")
    with pytest.raises(QuotaError, match="you began 2 of 2"):
        try_again(Envs(fake.mount), "foo")
