"""Several people, one group: who may do what, with the tools they have; and every way around it that we know of."""

import grp
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.mounted.conftest import Daemon, specification, until
from tests.mounted.people import ANN, BOB, EVE, GROUP, REFUSED, SETTINGS, Person
from tests.way import open_the_way_to

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")


@pytest.fixture
def settings() -> str:
    return SETTINGS


@pytest.fixture
def anns(daemon: Daemon, tmp_path: Path) -> Daemon:
    """A tree with two generations of foo, which is Ann's."""
    open_the_way_to(tmp_path)
    for word in ("one", "two"):
        submit(daemon, ANN, "foo", word)
    return daemon


def submit(daemon: Daemon, who: Person, name: str, word: str = "one", umask: int = 0o022) -> None:
    done = who.run(f"cat > $M/.specs/{name}.yaml", daemon.mount, specification(word, name=name), umask)
    assert done.returncode == 0, done.stderr
    daemon.until_state("ready", name)


def refused(daemon: Daemon, who: Person, command: str, text: str = "") -> str:
    done = who.run(command, daemon.mount, text)
    assert done.returncode != 0, command
    assert any(reason in done.stderr for reason in REFUSED), f"{command}: {done.stderr}"
    return done.stderr


def test_the_directory_is_the_groups_and_so_are_the_files(anns: Daemon) -> None:
    gid = grp.getgrnam(GROUP).gr_gid
    for place in (anns.specs, anns.mount, anns.mount / ".logs"):
        found = place.stat()
        assert (found.st_mode & 0o7777, found.st_gid, found.st_uid) == (0o3775, gid, 0)
    assert ANN.run("mkdir $M/.specs/notes", anns.mount).returncode == 0
    assert (anns.specs / "foo.yaml").stat().st_gid == gid
    made = (anns.specs / "notes").stat()
    assert (made.st_gid, made.st_mode & 0o7777) == (gid, 0o2755)


def test_who_is_in_no_group_can_use_everything_and_change_nothing(anns: Daemon) -> None:
    assert "two" in EVE.run("cat $M/foo/specification $M/.specs/foo.yaml $M/.status/foo", anns.mount).stdout
    refused(anns, EVE, "cat > $M/.specs/bar.yaml", specification(name="bar"))
    refused(anns, EVE, "ln -sfn foo@-1 $M/foo")
    refused(anns, EVE, "ln -s foo@-1 $M/mine")
    refused(anns, EVE, "rm -f $M/foo@-1")
    refused(anns, EVE, "rm -f $M/.logs/*-foo.log")


WAYS_IN = (
    "cat > $M/.specs/foo.yaml",
    "cat >> $M/.specs/foo.yaml",
    "cat > $M/.specs/other.yaml",  # says `name: foo`
    "cat > $M/.specs/foo.yml",
    "cat > $M/.specs/.t && mv -f $M/.specs/.t $M/.specs/foo.yaml",
    "cat > $M/.specs/.t && mv -f $M/.specs/.t $M/.specs/foo.yml",
    "cat > $M/.specs/.t && ln $M/.specs/.t $M/.specs/foo.yml",
    "cat > $M/.specs/.t && ln -f $M/.specs/.t $M/.specs/foo.yaml",
    "cat > $M/.specs/.by=ann=ab12cd && mv -f $M/.specs/.by=ann=ab12cd $M/.specs/foo.yaml",
    "ln -sfn /etc/passwd $M/.specs/foo.yaml",
    "truncate -s 0 $M/.specs/foo.yaml",
    "dd if=/dev/null of=$M/.specs/foo.yaml",
    "rm -f $M/.specs/foo.yaml",
    "unlink $M/.specs/foo.yaml",
    "mv $M/.specs/foo.yaml $M/.specs/mine.yaml",
    "mkdir $M/.specs/d && mv $M/.specs/foo.yaml $M/.specs/d/",
    "mv -f $M/.specs/foo.yaml $M/.specs/foo.yaml.bak",
    "touch $M/.specs/foo.yaml",
    "touch -d 2020-01-01 $M/.specs/foo.yaml",
    "chmod 777 $M/.specs/foo.yaml",
    "chown 20002 $M/.specs/foo.yaml",
    f"chgrp {GROUP} $M/.specs/foo.yaml",
    "chmod 777 $M/.specs",
    "chmod 777 $M",
    "rm -rf $M/.specs",
    "ln -sfn foo@-1 $M/foo",
    "ln -s foo@-1 $M/t && mv -fT $M/t $M/foo",
    "ln -s foo@-1 $M/.by=ann=ab12cd && mv -fT $M/.by=ann=ab12cd $M/foo",
    "touch -h $M/foo",
    "touch -h $M/$(readlink $M/foo)",
    "touch -h $M/foo@-1",
    "rm -f $M/foo",
    "mv $M/foo $M/bar",
    "rm -f $M/foo@-1",
    "rm -f $M/$(readlink $M/foo@-1)",
    "rm -f $M/.logs/*-foo.log",
    "mv $M/.logs/$(readlink $M/foo).log $M/.logs/x.log",
    "rm -f $M/.history/foo/1-*",
    "rm -f $M/.status/foo",
    "rm -f $M/foo.tar",
    "python3 -c \"import os; os.rename(os.environ['M'] + '/.specs/foo.yaml', os.environ['M'] + '/.specs/b.yaml')\"",
    "rsync --inplace /etc/hostname $M/.specs/foo.yaml",
    "rsync /etc/hostname $M/.specs/foo.yaml",
    "install -m 644 /etc/hostname $M/.specs/foo.yaml",
    "sed -i s/two/evil/ $M/.specs/foo.yaml",
    "vim -Es -c '%s/two/evil/' -c 'wq!' $M/.specs/foo.yaml && false",
    "unshare --user --map-root-user sh -c 'rm -f $M/.specs/foo.yaml || ln -sfn foo@-1 $M/foo'",
    "unshare --user --map-root-user sh -c 'chown 0 $M/.specs/foo.yaml || cat > $M/.specs/foo.yaml'",
)


def test_bob_is_not_let_in(anns: Daemon) -> None:
    before = _all_of_foo(anns)
    for command in WAYS_IN:
        done = BOB.run(command, anns.mount, specification("evil"))
        assert done.returncode != 0, command
        assert _all_of_foo(anns) == before, command
        mine = ["find", anns.specs, "-uid", str(BOB.uid), "!", "-name", "*.error"]
        subprocess.run([*mine, "-delete"], check=True)


def _all_of_foo(daemon: Daemon) -> tuple[object, ...]:
    file, mount = daemon.specs / "foo.yaml", daemon.mount
    found, logs = file.stat(), sorted(path.name for path in (mount / ".logs").iterdir())
    facts = (found.st_uid, found.st_mode, found.st_mtime_ns, file.read_text())
    return daemon.status(), logs, daemon.generations(), os.readlink(mount / "foo"), os.readlink(mount / "foo@-1"), facts


def test_a_umask_that_is_open_to_the_group_opens_nothing(anns: Daemon) -> None:
    submit(anns, ANN, "open", umask=0o000)
    assert (anns.specs / "open.yaml").stat().st_mode & 0o777 == 0o644
    refused(anns, BOB, "cat > $M/.specs/open.yaml", specification("evil", name="open"))
    assert ANN.run("chmod 666 $M/.specs/open.yaml", anns.mount).returncode == 0
    refused(anns, BOB, "touch $M/.specs/open.yaml")
    assert ANN.run("chmod 7777 $M/.specs/open.yaml", anns.mount).returncode == 0
    assert (anns.specs / "open.yaml").stat().st_mode & 0o7777 == 0o755


def test_ann_and_root_can_do_everything(anns: Daemon) -> None:
    for command in (
        "ln -sfn foo@-1 $M/foo",
        "touch $M/.specs/foo.yaml",
        "rm $M/$(basename $(readlink $M/.history/foo/2-*))",
        "mv $M/.specs/foo.yaml $M/.specs/mine.yaml",
        "chmod 600 $M/.specs/mine.yaml",
        "rm $M/.specs/mine.yaml",
    ):
        done = ANN.run(command, anns.mount)
        assert done.returncode == 0, f"{command}: {done.stderr}"
    submit(anns, ANN, "foo", "three")
    (anns.specs / "foo.yaml").write_text(specification("four"))
    anns.until_state("ready")
    assert anns.status()["owner"] == ANN.uid, "who writes into her file changes it for her"
    subprocess.run(["ln", "-sfn", "foo@-1", anns.mount / "foo"], check=True)
    subprocess.run(["rm", anns.specs / "foo.yaml"], check=True)
    assert anns.status()["retired"] is True


def test_everybodys_tools_work_on_ones_own(anns: Daemon) -> None:
    text = specification("one", name="mine")
    for command in (
        "cat > $M/.specs/mine.yaml",
        "cat > /tmp/m-$$.yaml; cp /tmp/m-$$.yaml $M/.specs/mine.yaml; cp -p /tmp/m-$$.yaml $M/.specs/mine.yaml",
        "cat > /tmp/m-$$.yaml; mv /tmp/m-$$.yaml $M/.specs/mine.yaml",
        "cat > /tmp/m-$$.yaml; rsync -a /tmp/m-$$.yaml $M/.specs/mine.yaml",
        "cat > /tmp/m-$$.yaml; install -m 664 /tmp/m-$$.yaml $M/.specs/mine.yaml",
        "sed -i s/one/two/ $M/.specs/mine.yaml",
        "vim -Es -c '%s/two/three/' -c 'wq!' $M/.specs/mine.yaml",
        "ln -s ann@host.1 '$M/.specs/.#mine.yaml'; rm '$M/.specs/.#mine.yaml'".replace("'", '"'),
        "cd $M/.specs && git init -q mine && rm -rf mine",
    ):
        done = BOB.run(command, anns.mount, text)
        assert done.returncode == 0, f"{command}: {done.stderr}"
        anns.until_state("ready", "mine")
    assert "three" in anns.content("mine")
    assert (anns.specs / "mine.yaml").stat().st_uid == BOB.uid
    assert sorted(os.listdir(anns.specs)) == ["foo.yaml", "mine.yaml"]


def test_a_retired_name_stays_its_owners_while_there_are_builds(anns: Daemon) -> None:
    assert ANN.run("rm $M/.specs/foo.yaml", anns.mount).returncode == 0
    assert anns.status()["retired"] is True
    said = refused(anns, BOB, "cat > $M/.specs/foo.yaml", specification("evil"))
    assert "Operation not permitted" in said
    assert anns.status()["retired"] is True
    message = BOB.run("cat $M/.specs/foo.yaml.error", anns.mount).stdout
    assert f"belongs to {ANN.uid}" in message
    refused(anns, BOB, "rm -f $M/foo@*")
    refused(anns, BOB, "ln -sfn foo@-1 $M/foo")
    refused(anns, BOB, "mv $M/.specs/foo.yaml $M/.specs/.x; mv $M/.specs/.x $M/.specs/foo.lock")
    assert BOB.run("rm -f $M/.specs/.x $M/.specs/foo.yaml*", anns.mount).returncode == 0
    for build in (anns.mount / ".history/foo").iterdir():
        assert ANN.run(f"rm $M/{build.readlink().name}", anns.mount).returncode == 0
    until(lambda: not (anns.mount / ".status/foo").exists(), "the name is forgotten")
    submit(anns, BOB, "foo", "mine")
    assert anns.status()["owner"] == BOB.uid


def test_a_name_is_kept_in_the_moment_between_removing_and_writing_a_file(anns: Daemon) -> None:
    code = (
        "import os, sys; uid, other, path = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3]\n"
        "os.setgroups([int(sys.argv[4])])\n"
        "os.seteuid(uid); os.unlink(path); os.seteuid(0); os.seteuid(other)\n"
        "try: open(path, 'x')\n"
        "except PermissionError: print('refused')\n"
        "os.seteuid(0); os.seteuid(uid); open(path, 'x').write(sys.stdin.read())\n"
    )
    gid = grp.getgrnam(GROUP).gr_gid
    command = ["python3", "-c", code, str(ANN.uid), str(BOB.uid), anns.specs / "foo.yaml", str(gid)]
    done = subprocess.run(command, input=specification("three"), capture_output=True, text=True, check=True)
    assert done.stdout == "refused\n"
    anns.until_state("ready")
    assert "three" in anns.content()
    assert anns.status()["owner"] == ANN.uid


def test_root_gives_environments_away(anns: Daemon) -> None:
    shutil.chown(anns.specs / "foo.yaml", BOB.uid, BOB.gid)
    assert anns.status()["owner"] == BOB.uid
    for place in ("foo", os.readlink(anns.mount / "foo"), "foo@-1"):
        until(lambda name=place: (anns.mount / name).lstat().st_uid == BOB.uid, f"{place} is his")  # type: ignore[misc]
    refused(anns, ANN, "ln -sfn foo@-1 $M/foo")
    command = "ln -sfn foo@-1 $M/foo && rm $M/$(basename $(readlink $M/.history/foo/2-*))"
    assert BOB.run(command, anns.mount).returncode == 0
    submit(anns, BOB, "foo", "three")
    assert anns.status()["owner"] == BOB.uid


def test_nobody_makes_environments_in_anothers_name(anns: Daemon) -> None:
    """Bob owns a directory in which Ann leaves a file: he may move it out, but it becomes no specification."""
    assert BOB.run("mkdir -m 777 $M/.specs/d", anns.mount).returncode == 0
    subprocess.run(["chmod", "777", anns.specs / "d"], check=True)
    if (anns.specs / "d").stat().st_mode & 0o777 != 0o755:
        pytest.fail("a directory of .specs is open to others")
    subprocess.run(["cp", anns.specs / "foo.yaml", anns.specs / "d/x"], check=True)
    subprocess.run(["chown", str(ANN.uid), anns.specs / "d/x"], check=True)
    refused(anns, BOB, "mv $M/.specs/d/x $M/.specs/stolen.yaml")
    refused(anns, BOB, "ln $M/.specs/foo.yaml $M/.specs/stolen.yaml")
    assert not (anns.mount / ".status/stolen").exists()


def test_a_link_in_passing_does_not_take_a_new_name(anns: Daemon) -> None:
    submit(anns, BOB, "evil")
    assert BOB.run("ln -s evil@$(readlink $M/evil | cut -c-12) $M/new", anns.mount).returncode == 0
    assert (anns.mount / "new").readlink().name.startswith("evil@")
    submit(anns, ANN, "new")
    assert (anns.mount / "new").readlink() == Path(f"{anns.status('new')['current']['build']}")  # type: ignore[index]
    refused(anns, BOB, "rm -f $M/new")


def test_who_did_it_is_told(anns: Daemon) -> None:
    assert BOB.run("mv $M/.specs/foo.yaml $M/.specs/.x", anns.mount).returncode != 0
    assert ANN.run("ln -sfn foo@-1 $M/foo", anns.mount).returncode == 0
    subprocess.run(["rm", anns.specs / "foo.yaml"], check=True)
    lines = EVE.run("cat $M/.history/foo/.events", anns.mount).stdout.splitlines()
    told = [(event["kind"], event["uid"]) for event in map(json.loads, lines) if "uid" in event]
    assert told == [("submitted", ANN.uid), ("submitted", ANN.uid), ("moved", ANN.uid), ("retired", 0)]
