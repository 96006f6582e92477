"""History is steered with the tools that everybody has: ln, rm, touch; and read with ls, cat, tail."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.mounted.conftest import Daemon, specification, until


def sh(*command: "str | Path") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)


@pytest.fixture
def three(daemon: Daemon) -> Daemon:
    """Three generations of foo: one, two, three."""
    for word in ("one", "two", "three"):
        daemon.write(word)
    return daemon


def test_ln_goes_back_and_forth(three: Daemon) -> None:
    foo = three.mount / "foo"
    first = min(three.generations())
    for target, word in (
        ("foo@-1", "two"),
        (f".history/foo/{first}", "one"),
        (str(three.mount / ".history/foo" / first), "one"),
        (os.path.basename(os.readlink(three.mount / ".history/foo" / sorted(three.generations())[2])), "three"),
        (os.path.realpath(three.mount / "foo@-2"), "one"),
    ):
        done = sh("ln", "-sfn", target, foo)
        assert done.returncode == 0, done.stderr
        assert word in three.content(), target
    assert three.status()["current"]["generation"] == 1  # type: ignore[index]


def test_a_program_replaces_the_link_atomically(three: Daemon) -> None:
    temporary = three.mount / "tmp-123"
    temporary.symlink_to("foo@-1")
    assert os.readlink(temporary) == "foo@-1"
    temporary.replace(three.mount / "foo")
    assert "two" in three.content()
    assert not os.path.lexists(temporary)
    temporary.symlink_to("foo@-1")
    temporary.unlink()
    assert not os.path.lexists(temporary)


@pytest.mark.parametrize("target", ["/etc", "foo@-9", "bar", "foo@0000000000"])
def test_a_name_cannot_point_at_what_is_no_build_of_it(three: Daemon, target: str) -> None:
    assert sh("ln", "-sfn", target, three.mount / "foo").returncode == 1
    assert "three" in three.content()


def test_a_roll_back_holds_over_a_restart_until_a_file_is_written(three: Daemon) -> None:
    sh("ln", "-sfn", "foo@-1", three.mount / "foo")
    (three.specs / "foo.yaml").touch()
    (three.specs / "foo.yaml").read_bytes()
    three.restart()
    assert "two" in three.content()
    (three.specs / "foo.yaml").write_text(specification("three"))
    assert three.status()["state"] == "ready"
    assert "three" in three.content()
    assert len(three.generations()) == 3


def test_writing_an_old_specification_again_makes_nothing(three: Daemon) -> None:
    (three.specs / "foo.yaml").write_text("# only a remark\n" + specification("one"))
    assert three.status()["state"] == "ready"
    assert "one" in three.content()
    assert three.status()["generations"] == 3


def test_rm_deletes_builds_but_not_the_current_one(three: Daemon) -> None:
    current, before = os.readlink(three.mount / "foo"), os.readlink(three.mount / "foo@-1")
    digest = os.readlink(three.mount / "foo@-2")[:12]
    assert sh("rm", three.mount / before).returncode == 0
    assert sh("rm", three.mount / f"foo@{digest}").returncode == 0
    assert "Operation not permitted" in sh("rm", three.mount / current).stderr
    assert len(three.generations()) == 1
    until(lambda: os.listdir(three.state / "builds") == [current], "files are removed")
    for name in (before, f"foo@{digest}", f".logs/{before}.log"):
        assert not os.path.lexists(three.mount / name)
    assert sorted(name for name in os.listdir(three.mount) if "foo" in name) == sorted(
        ["foo", current, f"foo@{current[:12]}"]
    )


def test_rm_does_not_remove_a_name(three: Daemon) -> None:
    assert "Operation not permitted" in sh("rm", three.mount / "foo").stderr
    assert sh("mv", three.mount / "foo", three.mount / "bar").returncode == 1
    assert "three" in three.content()


def test_removing_the_file_retires_the_environment_at_once(three: Daemon) -> None:
    assert sh("ls", three.mount / "foo").returncode == 0
    (three.specs / "foo.yaml").unlink()
    assert not (three.mount / "foo").exists()
    assert "foo" not in os.listdir(three.mount)
    assert three.status()["retired"] is True
    until(lambda: not os.path.lexists(three.mount / "foo"), "the kernel forgets the name")
    assert len(three.generations()) == 3
    assert (three.mount / "foo@-1").exists()
    three.write("three")
    assert "three" in three.content()


def test_touch_tries_again_what_failed(daemon: Daemon) -> None:
    path = daemon.write("one", script="fail")
    failed = daemon.until_state("failed")
    assert failed["last_error"]["message"] == "there is no numpy 99"  # type: ignore[index]
    log = daemon.mount / ".logs" / f"{failed['building']['build']}.log"  # type: ignore[index]
    tries = log.read_text().count("script: fail")
    path.touch()
    until(lambda: log.read_text().count("script: fail") == tries + 1, "it is tried again")
    path.read_text()
    os.close(os.open(path, os.O_RDWR))
    daemon.until_state("failed")
    assert log.read_text().count("script: fail") == tries + 1


def test_a_name_keeps_its_build_while_a_new_one_fails(daemon: Daemon) -> None:
    daemon.write("one")
    daemon.write("two", script="fail")
    assert daemon.until_state("failed")["current"]["generation"] == 1  # type: ignore[index]
    assert "one" in daemon.content()


def test_status_tells_how_far_a_build_is(daemon: Daemon) -> None:
    daemon.write("one", script="hang")
    until(lambda: "phase" in daemon.status().get("building", {}), "there is progress")  # type: ignore[operator]
    building = daemon.status()["building"]
    assert (building["phase"], building["package"]) == ("link", "numpy")  # type: ignore[index]
    assert (building["done"], building["total"]) == (1, 2)  # type: ignore[index]


def test_removing_the_log_of_a_running_build_cancels_it(daemon: Daemon) -> None:
    daemon.write("one", script="hang")
    building = daemon.until_state("building")["building"]
    log = daemon.mount / ".logs" / f"{building['build']}.log"  # type: ignore[index]
    assert sh("rm", log).returncode == 0
    daemon.until_state("cancelled")
    assert log.exists()
    assert sh("rm", log).returncode == 0
    assert not log.exists()


def test_removing_a_running_build_cancels_it(daemon: Daemon) -> None:
    daemon.write("one", script="hang")
    build = daemon.until_state("building")["building"]["build"]  # type: ignore[index]
    assert not (daemon.mount / build).exists()
    assert os.path.lexists(daemon.mount / build)
    assert sh("rm", daemon.mount / f"foo@{build[:12]}").returncode == 0
    daemon.until_state("cancelled")


def test_tail_follows_a_log(daemon: Daemon) -> None:
    daemon.write("one", script="hang")
    build = daemon.until_state("building")["building"]["build"]  # type: ignore[index]
    with subprocess.Popen(
        ["tail", "-n", "+1", "-s", "0.05", "-f", daemon.mount / ".logs" / f"{build}.log"],
        stdout=subprocess.PIPE,
        text=True,
    ) as tail:
        assert tail.stdout
        lines = iter(tail.stdout.readline, "")
        assert any("script: hang" in line for line in lines)
        (daemon.specs / "foo.yaml").unlink()
        assert any("cancelled" in line for line in lines)
        tail.terminate()


def test_the_tree_can_be_walked_and_copied(three: Daemon, tmp_path: Path) -> None:
    assert sh("find", three.mount, "-ls").returncode == 0
    assert sh("cp", "-a", three.mount, tmp_path / "copy").returncode == 0
    assert sh("du", "-s", three.mount).returncode == 0
    assert sh("df", three.mount).returncode == 0
    assert sh("ls", "-laR", three.mount).returncode == 0
    assert sh("grep", "-r", "channels", three.specs).returncode == 0
    assert (tmp_path / "copy/.specs/foo.yaml").read_text() == specification("three")
    assert (tmp_path / "copy/.status/foo").read_text() == (three.mount / ".status/foo").read_text()


def test_a_file_that_claims_a_taken_name_is_refused(three: Daemon) -> None:
    with pytest.raises(OSError, match="Invalid argument"):
        (three.specs / "other.yaml").write_text(specification("four"))
    assert "foo.yaml" in (three.specs / "other.yaml.error").read_text()
    (three.specs / "foo.yaml").unlink()
    (three.specs / "other.yaml").touch()
    until(lambda: "four" in three.content() if (three.mount / "foo").exists() else False, "the other takes over")
    assert not (three.specs / "other.yaml.error").exists()


def test_a_renamed_file_keeps_its_environment(three: Daemon) -> None:
    (three.specs / "foo.yaml").rename(three.specs / "renamed.yaml")
    assert "three" in three.content()
    assert three.status()["file"] == "renamed.yaml"
    assert three.status()["generations"] == 3
