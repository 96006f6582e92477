"""Hostile packages in the service: what a script or pip tries there is held by the unit, the cage in it, or both."""

import os
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from tests.channel.hostile import channel_of, with_script
from tests.channel.hostile_sdist import make_sdist
from tests.end_to_end.service.service import CHANNEL, CONDAFS, PERSON, STATE, Service

HOSTILE = "/srv/hostile"
BUILDERS_HOME = "/var/lib/condafs-build"
SECRET = "hunter2"  # noqa: S105 - a test's

WRITES = [
    "attempt() {",
    """  perl -e 'rename shift, shift and print "DID rename\\n"' "$1" "$PREFIX/zz-taken" """,
    '  (echo evil > "$1/zz-new") && echo "WROTE $1/zz-new"',
    '  for what in "mkdir $1/zz-d" "ln -s x $1/zz-soft" "mkfifo $1/zz-p" "chmod 777 $1"',
    '  do $what && echo "DID $what"; done',
    '  for file in "$1"/*; do [ -f "$file" ] || continue',
    '    for what in "rm $file" "truncate -s 0 $file" "chmod 7 $file" "ln $file $PREFIX/zz-hard"',
    '    do $what && echo "DID $what"; done; break; done',
    '  echo "tried $1"',
    "}",
]


@pytest.fixture(scope="module")
def hostile(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Iterator["Hostile"]:
    """A channel of hostile packages; secrets that their scripts would be glad to have."""
    box = service.box
    for path in (f"/home/{PERSON}/secret", f"{BUILDERS_HOME}/.netrc", "/root/secret", "/srv/private/secret"):
        service.write(path, SECRET)
    # So that nothing but unit and cage are in the way:
    box.run("chmod", "755", f"/home/{PERSON}", "/root")
    box.run("chown", "-R", "condafs-build:", f"{BUILDERS_HOME}/.netrc", "/srv/private")
    box.run("chmod", "600", f"{BUILDERS_HOME}/.netrc", "/srv/private/secret")
    yield Hostile(service, tmp_path_factory.mktemp("hostile"))
    box.run("rm", f"{BUILDERS_HOME}/.netrc")


class Hostile:
    """Environments of packages that are made for one test."""

    def __init__(self, service: Service, scratch: Path) -> None:
        self.service = service
        self._scratch = scratch

    def put(self, directory: Path) -> str:
        """Carry a directory into the machine."""
        place = f"{HOSTILE}/{directory.name}"
        shutil.copytree(directory, self.service.box.path(place))
        self.service.box.run("chmod", "-R", "a+rX", HOSTILE)
        return place

    def script(self, name: str, *lines: str) -> str:
        """Have an environment with that script made; its log."""
        root = self._scratch / name
        channel_of(root, with_script(name, *lines, 'echo "it is still here"', "exit 0")).finish()
        log = self.make(name, [f"file://{self.put(root)}"], [name])
        assert "it is still here" in log
        return log

    def make(self, name: str, channels: Sequence[str], dependencies: Sequence[object]) -> str:
        """Have an environment made, as an ordinary person; its log."""
        service, path = self.service, f"/srv/{name}.yaml"
        daemon = service.pid()
        service.write(path, f"name: {name}\nchannels: {list(channels)}\ndependencies: {list(dependencies)}\n")
        said = service.box.run(CONDAFS, "build", "--wait", path, user=PERSON, check=False).stderr
        log = service.log(name)
        assert f"{name} is ready" in said, f"{said}\n{log}"
        assert service.status(name)["current"]["sandbox"] == "unit"
        assert "sandbox: unit (Landlock" in log
        assert SECRET not in log
        assert service.pid() == daemon
        return log


def test_nothing_elsewhere_can_be_changed(hostile: Hostile) -> None:
    box = hostile.service.box
    hello = box.run("readlink", "-f", "/envs/hello").stdout.strip()
    places = [
        *(STATE, f"{STATE}/builds", hello, f"{hello}/conda-meta", f"{STATE}/packages", f"{STATE}/packages/pkgs"),
        *(f"{STATE}/packages/bytecode", f"{STATE}/catalog", f"{STATE}/specs", f"{STATE}/logs", f"{STATE}/locks"),
        *("/envs/.specs", BUILDERS_HOME, f"/home/{PERSON}", "/root", "/srv/private"),
        *("/etc", "/usr", "/usr/bin", "/tmp", "/var/tmp", "/dev/shm"),  # noqa: S108 - must stay as they are
        *("/run", "/run/condafs", "/proc/sys/kernel"),
    ]
    before = box.run("find", hello, "-printf", "%p %m %s %T@\\n").stdout
    log = hostile.script("zz-writes", *WRITES, *(f"attempt {place}" for place in places))
    assert log.count("tried /") == len(places)
    assert "WROTE" not in log
    assert "DID" not in log
    made = [f"{place}/zz-{name}" for place in places for name in ("new", "d", "soft", "p")]
    assert [path for path in made if os.path.lexists(box.path(path))] == []
    assert box.run("find", hello, "-printf", "%p %m %s %T@\\n").stdout == before


def test_nobodys_secrets_can_be_read(hostile: Hostile) -> None:
    service = hostile.service
    hello = service.box.run("readlink", "-f", "/envs/hello").stdout.strip()
    files = [
        *(f"/home/{PERSON}/secret", "/root/secret", f"{BUILDERS_HOME}/.netrc", "/srv/private/secret", "/etc/shadow"),
        *(f"{STATE}/catalog/data.mdb", f"{STATE}/specs/hello.yaml", f"{hello}/conda-meta/history"),
        *(f"/proc/{service.pid()}/environ", "/proc/$PPID/environ", "/proc/1/environ", "/etc/condafs.yaml"),
    ]
    directories = [
        *(STATE, f"{STATE}/packages", f"{STATE}/packages/pkgs", f"{STATE}/builds", hello, BUILDERS_HOME),
        *("/home", f"/home/{PERSON}", "/root", "/srv", "/tmp", "/var", "/run", "/envs"),  # noqa: S108 - not to be seen
    ]
    log = hostile.script(
        "zz-reads",
        *(f'cat "{path}" && echo "READ {path}"' for path in files),
        *(f'ls "{path}" && echo "LISTED {path}"' for path in directories),
        '[ -z "$(ls -A "$HOME")" ] && echo "home is empty"',
    )
    assert "READ" not in log
    assert "LISTED" not in log
    assert "home is empty" in log


def test_neither_the_daemon_nor_another_build_is_signalled(hostile: Hostile) -> None:
    service = hostile.service
    box = service.box
    service.submit("slow", "zz-slowlink", wait=False)
    find_sleeper = ("pgrep", "-o", "-u", "condafs-build", "sleep")
    box.wait_until(lambda: box.run(*find_sleeper, check=False).returncode == 0, "another script of the same user runs")
    sleeper = box.run(*find_sleeper).stdout.strip()
    others = box.run("pgrep", "-u", "condafs-build").stdout.split()
    targets = [str(service.pid()), *others, "$PPID", "1"]
    log = hostile.script(
        "zz-kills",
        *(f'kill -KILL {pid} && echo "REACHED {pid}"' for pid in targets),
        'for pid in $(seq 2 9999); do [ "$pid" = $$ ] || ! kill -0 "$pid" 2>/dev/null || echo "REACHED $pid"; done',
        "kill -KILL -1",
    )
    assert "REACHED" not in log
    assert sleeper in others
    assert sleeper in box.run("pgrep", "-u", "condafs-build").stdout.split()
    box.run(CONDAFS, "cancel", "slow", user=PERSON)
    box.wait_until(lambda: box.run(*find_sleeper, check=False).returncode == 1, "its end")
    service.retire("slow")


def test_nothing_is_left_running(hostile: Hostile) -> None:
    hostile.script("zz-leaves", "trap '' TERM HUP", "(setsid sleep 36001 &) >/dev/null 2>&1", "pgrep -f 36001 || true")
    assert hostile.service.box.run("pgrep", "-f", "sleep 36001", check=False).stdout == ""


def test_no_file_has_set_id_bits(hostile: Hostile) -> None:
    make = "sysopen(F, shift, 0101, 06755) and print qq(MADE\\n)"
    log = hostile.script(
        "zz-setuid",
        "cp /bin/true $PREFIX/bin/su; chmod 6755 $PREFIX/bin/su; stat -c 'mode %a' $PREFIX/bin/su",
        f"perl -e '{make}' $PREFIX/bin/su2",
        "perl -e 'chmod 04755, shift and print qq(mode changed\\n)' $PREFIX/bin/su",
        "mknod $PREFIX/null c 1 3 && echo MADE",
        "unshare -Ur true && echo MADE",
    )
    assert "mode 755" in log
    assert "MADE" not in log
    assert hostile.service.box.run("find", STATE, "-type", "f", "-perm", "/6000").stdout == ""


@pytest.mark.parametrize("named", [STATE, BUILDERS_HOME, f"{STATE}/packages", "/srv/private", "/proc/self/root"])
def test_a_line_for_pip_opens_nothing_that_not_everybody_may_read(hostile: Hostile, tmp_path: Path, named: str) -> None:
    number = named.strip("/").replace("/", "-")
    source = make_sdist(
        tmp_path / f"sdist-{number}",
        f"report('netrc', lambda: open('{BUILDERS_HOME}/.netrc').read())",
        "report('private', lambda: open('/srv/private/secret').read())",
        f"report('packages', lambda: os.listdir('{STATE}/packages/pkgs'))",
        f"report('drafts', lambda: os.listdir('{STATE}/packages/.drafts'))",
        "report('public', lambda: open('/usr/lib/os-release').read())",
    )
    place = f"{hostile.put(source.parent)}/{source.name}"
    pip = {"pip": ["--no-index", f"--find-links file://{named}", place]}
    name = f"zz-pip-{number}"
    hostile.make(name, [f"file://{CHANNEL}"], ["condafs-hello", "pip", pip])
    lines = hostile.service.box.run("cat", f"/envs/{name}/zz-evil").stdout.splitlines()
    assert [line for line in lines if "DONE" in line] == ["DONE public"]
    assert len(lines) == 5
