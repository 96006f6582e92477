"""Real builds are hurt, found out and mended: by the command, as people type it."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from condafs.prefix.contents import compare_packages, read_packages
from tests.component.health.test_check import flip
from tests.end_to_end.serving import CONDAFS, Daemon
from tests.forked import run_condafs

DEPENDENCIES = "python, zz-noarch-py, zz-textprefix, zz-binprefix, zz-postlink, zz-edgecases, zz-lib =1.0"


@dataclass
class House:
    """A daemon, and a build of `foo` that tests damage and leave sound."""

    daemon: Daemon
    channel_url: str

    def prefix(self, name: str = "foo") -> Path:
        return Path(os.path.realpath(self.daemon.envs / name))

    def make(self, name: str, dependencies: str, **variables: str) -> Path:
        text = f"name: {name}\nchannels: ['{self.channel_url}']\ndependencies: [{dependencies}]\n"
        (self.daemon.specs / f"{name}.yaml").write_text(text + f"variables: {json.dumps(variables)}\n")
        self.daemon.wait_until_ready(name)
        return self.prefix(name)

    def verify(self, *arguments: str) -> tuple[int, Any]:
        done = run_condafs("verify", "--json", "--mount", self.daemon.envs, *arguments)
        assert done.stdout, done.stderr
        return done.returncode, json.loads(done.stdout)

    def is_sound(self, *arguments: str) -> bool:
        code, document = self.verify(*arguments)
        assert (code == 0) == all(build["sound"] for build in document)
        return code == 0


@pytest.fixture(scope="module")
def house(open_directory: Path, channel_url: str) -> Iterator[House]:
    daemon = Daemon(open_directory / "v", "backoff-initial-seconds: 0.1\n")
    daemon.envs.chmod(0o755)
    daemon.start()
    house = House(daemon, channel_url)
    house.make("foo", DEPENDENCIES, A="1")
    yield house
    assert daemon.stop() == 0
    daemon.clear()


def test_every_build_of_the_channel_is_sound_as_it_comes(house: House) -> None:
    code, (build,) = house.verify("foo")
    assert code == 0, build["problems"]
    assert build["unvouched_files"] == 0
    assert house.is_sound("--quick")


def one_of(prefix: Path, *patterns: str) -> str:
    found = [
        path
        for pattern in patterns
        for path in sorted(prefix.glob(pattern))
        if path.is_file() and not path.is_symlink()
    ]
    found = [path for path in found if path.stat().st_size]
    assert found, patterns
    return str(found[0].relative_to(prefix))


MENDABLE = {
    "a package's file, shared with the cache": ["lib/python3*/os.py"],
    "a module of a noarch package": [
        "lib/python3*/site-packages/zz_noarch_py/*.py",
        "lib/python3*/site-packages/zz*.py",
    ],
    "bytecode": ["lib/python3*/site-packages/zz*/__pycache__/*.pyc", "lib/python3*/site-packages/__pycache__/zz*.pyc"],
    "an entry point": ["bin/zz-noarch*", "bin/zz_*", "bin/zz-*"],
    "the interpreter": ["bin/.condafs-python3*"],
    "text with the prefix inside": ["etc/zz-textprefix*", "**/*textprefix*"],
    "a binary with the prefix inside": ["**/*binprefix*"],
    "an original": ["conda-meta/condafs/originals/**/*"],
    "activation": ["bin/activate"],
    "the pin": ["lib/python3*/site-packages/00-condafs-pin.pth"],
    "the list of packages": ["conda-meta/condafs/packages.json"],
    "the list of sums": ["conda-meta/condafs/sums"],
}


# Without its names the list of sums is not had back: such a build is made again.
DAMAGED = sorted({*product(MENDABLE, ("flip", "remove"))} - {("the list of sums", "remove")})


@pytest.mark.parametrize(("sort", "how"), DAMAGED)
def test_a_damaged_file_is_found_and_mended_to_the_last_byte(house: House, sort: str, how: str) -> None:
    prefix = house.prefix()
    path = prefix / one_of(prefix, *MENDABLE[sort])
    before, status = path.read_bytes(), path.stat()
    if how == "flip":
        flip(path, len(before) // 2)
    else:
        path.unlink()
    code, (build,) = house.verify("foo")
    assert code == 1
    assert str(path.relative_to(prefix)) in {problem["path"] for problem in build["problems"]}
    code, (build,) = house.verify("foo", "--repair")
    assert code == 0, build
    assert not build["remade"]
    assert path.read_bytes() == before
    after = path.stat()
    assert (after.st_mode, after.st_mtime_ns) == (status.st_mode, status.st_mtime_ns)
    if status.st_nlink > 1 and how == "remove":
        assert after.st_ino == status.st_ino, "linked into the cache again"
    assert house.is_sound("foo")


def test_a_file_that_is_damaged_in_the_cache_is_fetched_anew_and_the_cache_is_mended(house: House) -> None:
    other = house.make("bar", "zz-lib =1.0")
    prefix = house.prefix()
    record = json.loads(next(prefix.glob("conda-meta/zz-lib-1.0-*.json")).read_text())
    path = next(item for item in record["files"] if (prefix / item).is_file() and (prefix / item).stat().st_size)
    cached = Path(record["extracted_package_dir"]) / path
    assert (prefix / path).stat().st_ino == (other / path).stat().st_ino == cached.stat().st_ino
    before = cached.read_bytes()
    flip(prefix / path)
    assert cached.read_bytes() != before
    code, (build,) = house.verify("foo")
    assert code == 1
    assert build["shared_with"] == [f"bar@{other.name[:12]}"]
    code, (build,) = house.verify("foo", "--repair")
    assert code == 0, build
    assert (prefix / path).read_bytes() == cached.read_bytes() == before
    assert (prefix / path).stat().st_ino == cached.stat().st_ino
    assert not house.is_sound("bar")
    assert house.verify("bar", "--repair")[0] == 0
    assert (other / path).stat().st_ino == cached.stat().st_ino


def test_what_cannot_be_mended_is_made_again_as_the_generation_it_was(house: House) -> None:
    first = house.make("again", "zz-lib =1.0")
    house.make("again", "zz-lib =2.0")
    assert house.is_sound("again", "again@-1")
    flip(first / "conda-meta/history", 30)
    packages = read_packages(first)
    code, (build,) = house.verify("again@-1", "--repair")
    assert code == 0, build
    assert build["remade"]
    assert not compare_packages(packages, read_packages(first))
    assert "zz-lib 1.0" in (first / "conda-meta/history").read_text()
    links = sorted(os.listdir(house.daemon.envs / ".history" / "again"))
    assert [link.partition("-")[0] for link in links if link[0].isdigit()] == ["1", "2"]
    assert house.is_sound("again", "again@-1")


def test_a_mount_beside_a_state_directory_is_asked_to_make_it_again(house: House) -> None:
    prefix = house.make("beside", "zz-lib =1.0")
    flip(prefix / "conda-meta/history", 30)
    code, (build,) = house.verify("beside", "--repair", "--state", str(house.daemon.state))
    assert code == 0, build
    assert build["remade"]
    assert house.is_sound("beside")


def test_another_mount_is_not_asked_to_make_it_again(house: House, tmp_path: Path) -> None:
    prefix = tmp_path / "builds" / house.prefix().name
    shutil.copytree(house.prefix(), prefix, symlinks=True)
    (prefix / "conda-meta/history").unlink()
    code, (build,) = house.verify("foo", "--repair", "--state", str(tmp_path))
    assert code == 1
    assert not build["remade"]
    assert "where it is mounted" in build["note"]


def test_a_name_leads_to_its_build_again_when_that_was_made_again(house: House) -> None:
    prefix = house.make("current", "zz-lib =1.0")
    (prefix / "conda-meta/condafs/build.json").unlink()
    code, (build,) = house.verify("current", "--repair")
    assert code == 0, build
    assert build["remade"]
    assert house.prefix("current") == prefix
    assert house.daemon.status("current")["current"]["generation"] == 1


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be somebody else")
def test_others_may_not_have_a_build_made_again(house: House) -> None:
    link = next(path for path in house.daemon.envs.iterdir() if path.name.endswith("-foo"))
    done = subprocess.run(["touch", "-h", link], capture_output=True, text=True, check=False, user=54321)
    assert done.returncode
    assert house.daemon.status("foo")["state"] == "ready"


def test_two_repairs_at_once_leave_a_sound_build(house: House) -> None:
    prefix = house.prefix()
    for path in list(prefix.glob("lib/python3*/*.py"))[:40]:
        path.unlink()
    arguments = [*CONDAFS, "verify", "--repair", "--mount", house.daemon.envs, "foo"]
    both = [subprocess.Popen(arguments, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) for _ in range(2)]
    assert [process.wait(120) for process in both] == [0, 0]
    assert house.is_sound("foo")


def test_a_repair_that_is_killed_anywhere_leaves_what_the_next_one_mends(house: House) -> None:
    prefix = house.prefix()
    for number in range(6):
        for path in sorted(prefix.glob("lib/python3*/*.py"))[:60]:
            path.unlink()
        process = subprocess.Popen(
            [*CONDAFS, "verify", "--repair", "--mount", house.daemon.envs, "foo"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and process.poll() is None:
            if len(list(prefix.glob("lib/python3*/*.py"))) > number * 8:
                break  # somewhere in the middle: nothing tells where exactly
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        process.wait()
        code, (build,) = house.verify("foo", "--repair")
        assert code == 0, build["remaining_problems"]
    assert house.is_sound("foo")
    assert not list(prefix.rglob(".condafs-mend-*"))


def test_without_a_mount_a_state_directory_is_looked_at(house: House) -> None:
    done = subprocess.run(
        [*CONDAFS, "verify", "--state", house.daemon.state, "foo"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert "sound" in done.stdout
    done = subprocess.run(
        [*CONDAFS, "verify", "--state", house.daemon.state, "nobody"], capture_output=True, check=False
    )
    assert done.returncode == 3
