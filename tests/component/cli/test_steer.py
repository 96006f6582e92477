import os

import pytest

from tests.component.cli.conftest import Run
from tests.component.cli.fake_envs import FakeEnvs


@pytest.fixture
def three(envs: FakeEnvs) -> FakeEnvs:
    """foo with three generations, the last of them current."""
    for number, letter in enumerate("abc", 1):
        build = envs.add_generation("foo", number, letter)
        envs.set_current("foo", build, number)
    return envs


@pytest.mark.parametrize(
    ("wanted", "letter"), [((), "b"), (("-1",), "b"), (("-2",), "a"), (("1",), "a"), (("bb",), "b")]
)
def test_rollback_moves_the_name(run: Run, three: FakeEnvs, wanted: tuple[str, ...], letter: str) -> None:
    outcome = run("rollback", "foo", *wanted)
    assert outcome.code == 0
    assert os.readlink(three.mount / "foo") == f"foo@{letter * 64}"


def test_rollback_leaves_no_temporary_link(run: Run, three: FakeEnvs) -> None:
    before = sorted(os.listdir(three.mount))
    run("rollback", "foo", "1")
    assert sorted(os.listdir(three.mount)) == before


def test_a_refused_rollback_leaves_no_temporary_link(run: Run, three: FakeEnvs) -> None:
    (three.mount / "foo").unlink()
    (three.mount / "foo").mkdir()  # renaming a link over a directory fails
    before = sorted(os.listdir(three.mount))
    assert run("rollback", "foo", "1").code != 0
    assert sorted(os.listdir(three.mount)) == before


def test_rollback_to_where_it_is_does_nothing(run: Run, three: FakeEnvs) -> None:
    assert "already" in run("rollback", "foo", "3").err
    assert os.readlink(three.mount / "foo") == "c" * 64 + "-foo"


@pytest.mark.parametrize(
    ("wanted", "says"), [("7", "it has 1, 2, 3"), ("-3", "no generation -3"), ("zz", "is no generation")]
)
def test_rollback_to_what_is_not_there_is_refused(run: Run, three: FakeEnvs, wanted: str, says: str) -> None:
    outcome = run("rollback", "foo", wanted)
    assert outcome.code in {2, 3}
    assert says in outcome.err


def test_a_retired_name_cannot_be_moved(run: Run, three: FakeEnvs) -> None:
    (three.mount / "foo").unlink()
    three.set_status("foo", state="none", retired=True)
    outcome = run("rollback", "foo", "1")
    assert outcome.code == 2
    assert "is retired" in outcome.err


def test_rollback_of_an_unknown_name_is_refused(run: Run, three: FakeEnvs) -> None:
    assert "did you mean foo?" in run("rollback", "fooo").err


def test_cancel_removes_the_log_of_the_build_in_the_making(run: Run, envs: FakeEnvs) -> None:
    build = "b" * 64 + "-foo"
    envs.set_status("foo", state="building", building={"build": build, "state": "building"})
    log = envs.mount / ".logs" / f"{build}.log"
    log.touch()
    assert run("cancel", "foo").code == 0
    assert not log.exists()


def test_cancel_without_a_build_is_refused_and_keeps_the_current_log(run: Run, three: FakeEnvs) -> None:
    outcome = run("cancel", "foo")
    assert outcome.code == 3
    assert "nothing is being built" in outcome.err
    assert (three.mount / ".logs" / ("c" * 64 + "-foo.log")).exists()


def test_cancel_of_a_build_that_just_ended_says_so(run: Run, envs: FakeEnvs) -> None:
    envs.set_status("foo", state="queued", building={"build": "b" * 64 + "-foo", "state": "queued"})
    assert "ended just now" in run("cancel", "foo").err
