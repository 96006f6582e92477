"""The daemon of a service: an ordinary user without any capability, who serves everybody."""

import grp
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tests.mounted.conftest import Daemon, processes_of_session, specification, start
from tests.mounted.people import ANN, BOB, GROUP, SETTINGS, Person
from tests.way import open_the_way_to

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")

SERVICE = pwd.getpwnam("www-data").pw_uid  # Debian's base-passwd; fusermount3 wants a user with a name

# A view of the machine in which an ordinary user may mount, and let others in.
VIEW = """
set -e
mount -t tmpfs -o mode=755 none "$0"
mknod -m 666 "$0/fuse" c 10 229 && chmod 666 "$0/fuse" && mount --bind "$0/fuse" /dev/fuse
echo user_allow_other > "$0/fuse.conf" && mount --bind "$0/fuse.conf" /etc/fuse.conf
exec "$@"
"""
ASIDE = ("unshare", "--mount", "--propagation", "private", "sh", "-c", VIEW)


def begin(directory: Path) -> Daemon:
    served = start(
        directory / "envs",
        directory / "state",
        directory / "log",
        f"{SETTINGS}allow-other: yes\nquota-environments: 2\n",
        inside=(*ASIDE, str(directory / "view")),
        uid=SERVICE,
    )
    served.mount = Path(f"/proc/{served.process.pid}/root{directory}/envs")
    return served


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Daemon]:
    """A daemon of that user; its mount is seen by who enters its view."""
    open_the_way_to(tmp_path)
    (tmp_path / "view").mkdir()
    for name in ("envs", "state"):
        (tmp_path / name).mkdir()
        shutil.chown(tmp_path / name, SERVICE, SERVICE)
    served = begin(tmp_path)
    try:
        yield served
        assert served.end() == 0
        assert processes_of_session(served.process.pid) == []
        assert "WARNING" not in served.log.read_text()
        assert "Traceback" not in served.log.read_text()
    finally:
        served.process.kill()
        served.process.wait()


def run(service: Daemon, who: Person, command: str, text: str = "") -> "subprocess.CompletedProcess[str]":
    inside = ("nsenter", "--target", str(service.process.pid), "--mount")
    return replace(who, inside=inside).run(command, service.state.parent / "envs", text)


def submit(service: Daemon, who: Person, name: str, word: str = "one") -> None:
    done = run(service, who, f"cat > $M/.specs/{name}.yaml", specification(word, name=name))
    assert done.returncode == 0, done.stderr
    service.until_state("ready", name)


def test_it_has_no_rights_and_everything_belongs_to_whom_it_should(service: Daemon) -> None:
    status = Path(f"/proc/{service.process.pid}/status").read_text()
    assert "CapEff:\t0000000000000000" in status
    submit(service, ANN, "foo")
    submit(service, BOB, "bar")
    build = os.readlink(service.mount / "foo")
    for name in ("foo", build, f"foo@{build[:12]}", ".specs/foo.yaml", ".status/foo", f".logs/{build}.log"):
        assert (service.mount / name).lstat().st_uid == ANN.uid, name
    assert (service.specs / "bar.yaml").stat().st_uid == BOB.uid
    assert (service.specs / "bar.yaml").stat().st_gid == grp.getgrnam(GROUP).gr_gid
    assert f"{ANN.uid} {GROUP}" in run(service, BOB, "ls -l $M/.specs/foo.yaml").stdout
    underneath = {path.lstat().st_uid for path in service.state.rglob("*")}
    assert underneath == {SERVICE}


def test_people_are_kept_apart_and_can_do_all_with_their_own(service: Daemon) -> None:
    submit(service, ANN, "foo", "one")
    submit(service, ANN, "foo", "two")
    for command in (
        "rm -f $M/.specs/foo.yaml",
        "cat > $M/.specs/foo.yaml",
        "ln -sfn foo@-1 $M/foo",
        "rm -f $M/foo@-1",
        "rm -f $M/.logs/*-foo.log",
        "mv -f $M/.specs/foo.yaml $M/.specs/mine.yaml",
    ):
        assert run(service, BOB, command, specification("evil")).returncode != 0, command
    for command in (
        "ln -sfn foo@-1 $M/foo",
        "sed -i s/two/three/ $M/.specs/foo.yaml",
        "vim -Es -c '%s/three/four/' -c 'wq!' $M/.specs/foo.yaml",
        "cat > /tmp/u-$$.yaml; mv /tmp/u-$$.yaml $M/.specs/foo.yaml",
        "rm -f $M/foo@-1",
        "rm $M/.specs/foo.yaml",
    ):
        done = run(service, ANN, command, specification("five"))
        assert done.returncode == 0, f"{command}: {done.stderr}"
        assert service.status()["owner"] == ANN.uid


def test_links_belong_to_their_makers(service: Daemon) -> None:
    """Emacs locks a file with one, and removes it by itself."""
    assert run(service, ANN, "ln -s ann@host.1:2 '$M/.specs/.#foo.yaml'".replace("'", '"')).returncode == 0
    link = service.specs / ".#foo.yaml"
    assert (link.lstat().st_uid, os.readlink(link)) == (ANN.uid, "ann@host.1:2")
    assert run(service, BOB, 'rm -f "$M/.specs/.#foo.yaml"').returncode != 0
    assert service.end() == 0
    begin_again(service)
    assert (link := service.specs / ".#foo.yaml").lstat().st_uid == ANN.uid
    assert os.readlink(link) == "ann@host.1:2"
    assert run(service, ANN, 'mv "$M/.specs/.#foo.yaml" $M/.specs/x && rm $M/.specs/x').returncode == 0
    assert os.listdir(service.specs) == []


def begin_again(service: Daemon) -> None:
    """Start it over the same state."""
    fresh = begin(service.state.parent)
    service.process, service.mount, service.has_ended = fresh.process, fresh.mount, False


def test_owners_are_what_they_were_after_a_restart_even_without_their_attributes(service: Daemon) -> None:
    submit(service, ANN, "foo")
    submit(service, BOB, "bar")
    assert service.end() == 0
    os.removexattr(service.state / "specs/foo.yaml", "user.condafs.owner")
    os.setxattr(service.state / "specs/bar.yaml", "user.condafs.owner", f"{ANN.uid}:{ANN.uid}:644".encode())
    begin_again(service)
    assert (service.specs / "foo.yaml").stat().st_uid == ANN.uid
    assert service.status("foo")["owner"] == ANN.uid
    assert service.status("bar")["owner"] == ANN.uid, "a file that says whose it is, is believed"
    assert run(service, ANN, "rm $M/.specs/foo.yaml").returncode == 0


def test_quotas_hold_and_its_own_user_has_none(service: Daemon) -> None:
    submit(service, ANN, "a")
    submit(service, ANN, "b")
    done = run(service, ANN, "cat > /tmp/u-$$; cp /tmp/u-$$ $M/.specs/c.yaml", specification(name="c"))
    assert "Disk quota exceeded" in done.stderr
    for number in range(3):
        submit(service, Person(SERVICE), f"own{number}")
