"""Other people: the kernel checks, from the owners and modes that the tree gives."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from tests.mounted.conftest import Daemon, specification
from tests.way import open_the_way_to

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")

ALICE, BOB = 20001, 20002


@pytest.fixture
def alices(daemon: Daemon, tmp_path: Path) -> Daemon:
    """A tree with two generations of foo, which is alice's."""
    open_the_way_to(tmp_path)
    for word in ("one", "two"):
        done = as_user(ALICE, f"cat > {daemon.specs}/foo.yaml", specification(word))
        assert done.returncode == 0, done.stderr
        daemon.until_state("ready")
    return daemon


def as_user(uid: int, command: str, text: str = "") -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        ["sh", "-c", command],
        input=text,
        capture_output=True,
        text=True,
        user=uid,
        group=uid,
        extra_groups=[],
        timeout=30,
        check=False,
        cwd="/",
    )


def test_everything_of_hers_belongs_to_her(alices: Daemon) -> None:
    build = os.readlink(alices.mount / "foo")
    for name in ("foo", build, f"foo@{build[:12]}", ".specs/foo.yaml", ".status/foo", f".logs/{build}.log"):
        assert (alices.mount / name).lstat().st_uid == ALICE, name
    assert alices.status()["owner"] == ALICE


FORBIDDEN = (
    "echo x > $M/.specs/foo.yaml",
    "rm -f $M/.specs/foo.yaml",
    "mv $M/.specs/foo.yaml $M/.specs/mine.yaml",
    "cp $M/.specs/foo.yaml $M/.specs/tmp && mv -f $M/.specs/tmp $M/.specs/foo.yaml",
    "touch $M/.specs/foo.yaml",
    "chmod 666 $M/.specs/foo.yaml",
    "chown 20002 $M/.specs/foo.yaml",
    "truncate -s 0 $M/.specs/foo.yaml",
    "ln -sfn foo@-1 $M/foo",
    "rm -f $M/foo@-1",
    "rm -f $M/$(readlink $M/foo@-1)",
    "rm -f $M/.logs/*-foo.log",
    "rm -f $M/foo",
    "mkdir $M/x",
    "touch $M/x",
    "touch $M/.specs/foo.yaml.error",
    "echo x > $M/.status/foo",
    "rm -f $M/.status/foo",
    "mkdir $M/.history/x",
    "chmod 777 $M $M/.specs",
    "rmdir $M/.specs",
)


def test_bob_cannot_touch_what_is_hers_nor_what_is_nobodys(alices: Daemon) -> None:
    reasons = ("Permission denied", "Operation not permitted", "Read-only file system", "cannot create")
    for command in FORBIDDEN:
        done = as_user(BOB, command.replace("$M", str(alices.mount)))
        assert done.returncode != 0, command
        assert any(reason in done.stderr for reason in reasons), done.stderr
    assert "two" in alices.content()
    assert alices.status()["generations"] == 2


def test_bob_can_use_what_is_there_and_make_his_own(alices: Daemon) -> None:
    mount = alices.mount
    assert "two" in as_user(BOB, f"cat {mount}/foo/specification").stdout
    assert as_user(BOB, f"cat {mount}/.specs/foo.yaml {mount}/.status/foo {mount}/.logs/*").returncode == 0
    assert as_user(BOB, f"cat > {mount}/.specs/bar.yaml", specification(name="bar")).returncode == 0
    assert alices.until_state("ready", "bar")["owner"] == BOB


def test_bob_cannot_take_her_name_under_another_file(alices: Daemon) -> None:
    done = as_user(BOB, f"cat > {alices.mount}/.specs/bar.yaml", specification("evil"))
    assert "Invalid argument" in done.stderr
    assert "two" in alices.content()


def test_alice_and_root_can(alices: Daemon) -> None:
    mount = alices.mount
    for command in (
        f"ln -sfn foo@-1 {mount}/foo",
        f"touch {mount}/.specs/foo.yaml",
        f"chmod 600 {mount}/.specs/foo.yaml",
        f"rm {mount}/$(basename $(readlink {mount}/.history/foo/2-*))",
        f"mv {mount}/.specs/foo.yaml {mount}/.specs/mine.yaml",
    ):
        done = as_user(ALICE, command)
        assert done.returncode == 0, done.stderr
    assert as_user(BOB, f"cat {mount}/.specs/mine.yaml").returncode != 0
    assert "one" in alices.content()
    subprocess.run(["rm", mount / ".specs/mine.yaml"], check=True)
    assert alices.status()["retired"] is True


def test_the_history_tells_who_did_what(alices: Daemon) -> None:
    mount = alices.mount
    assert as_user(ALICE, f"ln -sfn foo@-1 {mount}/foo").returncode == 0
    assert as_user(ALICE, f"rm {mount}/$(basename $(readlink {mount}/.history/foo/2-*))").returncode == 0
    subprocess.run(["rm", mount / ".specs/foo.yaml"], check=True)
    done = as_user(BOB, f"cat {mount}/.history/foo/.events")
    told = [(event["kind"], event["uid"]) for event in map(json.loads, done.stdout.splitlines()) if "uid" in event]
    assert told == [("submitted", ALICE), ("submitted", ALICE), ("moved", ALICE), ("deleted", ALICE), ("retired", 0)]


def test_a_message_is_as_secret_as_its_file(alices: Daemon) -> None:
    specs = alices.specs
    done = as_user(ALICE, f"umask 077; cat > {specs}/bad.yaml", "secret: [\n")
    assert done.returncode != 0
    assert "not YAML" in as_user(ALICE, f"cat {specs}/bad.yaml.error").stdout
    assert as_user(BOB, f"cat {specs}/bad.yaml.error").returncode != 0


def test_owners_survive_a_restart(alices: Daemon) -> None:
    alices.restart()
    assert (alices.specs / "foo.yaml").stat().st_uid == ALICE
    assert as_user(BOB, f"rm -f {alices.specs}/foo.yaml").returncode != 0
    assert (alices.state / "specs/foo.yaml").stat().st_uid == 0
