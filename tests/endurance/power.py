"""The power fails again and again, at any moment of submissions, builds, publications and removals.

The state is on a disk of its own, which loses everything that was not on it (ext4's shutdown without flushing, as
xfstests do it). Afterwards the catalog opens, what was seen published is published, and every published build verifies.
"""

import contextlib
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import yaml

from condafs.filesystem.mounting import mount_at, unmount
from tests.endurance.disk import Disk
from tests.mounted.keeper import Keeper

SETTINGS = "attempts: 100\nbackoff-initial-seconds: 0.1\nbackoff-cap-seconds: 1\njobs: 2\n"
DISK_BYTES = 3_000_000_000
LONGEST_STRETCH_SECONDS = 6
CONDAFS = (sys.executable, "-m", "condafs")
SETTLE_SECONDS = 240


def cut_the_power(channel: str, directory: Path, rounds: int) -> list[str]:
    """Cut the power so often; what went wrong.

    Args:
        channel: URL of a channel with python, rich and click.
        directory: To work in; made here. Its disk has room for 3 GB.
        rounds: Cuts.
    """
    directory.mkdir()
    mount = directory / "envs"
    mount.mkdir()
    disk = Disk(directory / "image", directory / "d", DISK_BYTES)
    (directory / "condafs.yaml").write_text(SETTINGS)
    options = ["--state", str(disk.place / "state"), "--config", str(directory / "condafs.yaml")]
    keeper = Keeper([*CONDAFS, "mount", str(mount), *options], directory)
    complaints: list[str] = []
    verified = 0
    try:
        for number in range(rounds):
            keeper.start()
            seen = _work(mount, channel, number)
            disk.cut_power()
            _end(keeper, mount)
            disk.detach()
            disk.attach()
            keeper.start()
            published = set(os.listdir(mount / ".exports"))
            complaints += [f"cut {number}: {name} was seen published, and is lost" for name in seen - published]
            complaints += _check_names(mount, number)
            found, count = _verify(mount)
            complaints += [f"cut {number}: {text}" for text in found]
            verified += count
            if number % 10 == 9:
                complaints += _settle(mount, number)
                _thin(mount)
            keeper.end()
        warnings = keeper.log.read_text().count("WARNING")
        print(f"  {rounds} cuts of power; {verified} verifications of published builds; {warnings} warnings")
    finally:
        keeper.close()
        while mount_at(mount):
            unmount(mount)
        disk.close()
    return complaints


def _work(mount: Path, channel: str, number: int) -> set[str]:
    """Submit, roll back, remove, until a moment nobody chose; what was seen to be published."""
    deadline = time.monotonic() + random.uniform(0, LONGEST_STRETCH_SECONDS)  # noqa: S311 - any moment
    count = 0
    seen: set[str] = set()
    while time.monotonic() < deadline:
        name = f"e{count % 3}"
        packages = random.sample(("rich", "click", "idna", "attrs", "trio", "pluggy"), 2)
        text = f"channels: [{channel}]\ndependencies: [{', '.join(packages)}]\nvariables: {{N: '{number}-{count}'}}\n"
        (mount / ".specs" / f"{name}.yaml").write_text(text)
        generations = mount / ".history" / name
        with contextlib.suppress(OSError):
            links = sorted(os.listdir(generations))
            if len(links) > 2:
                subprocess.run(["ln", "-sfn", f"{name}@-1", mount / name], capture_output=True, check=False)
                (mount / os.path.basename(os.readlink(generations / links[0]))).unlink()
        time.sleep(random.uniform(0, 0.4))  # noqa: S311 - likewise
        seen = {entry for entry in os.listdir(mount / ".exports") if "@" in entry}
        count += 1
    return seen & {entry for entry in os.listdir(mount / ".exports") if "@" in entry}


def _end(keeper: Keeper, mount: Path) -> None:
    """Nobody is left who has anything of the disk open: the daemon, and what it started, in whatever session."""
    keeper.kill()
    mark = f"RUNTIME_DIRECTORY={keeper.runtime}".encode()  # which nobody else on this machine was started with
    for directory in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if mark in (directory / "environ").read_bytes().split(b"\0"):
                os.kill(int(directory.name), signal.SIGKILL)
    while mount_at(mount):
        unmount(mount)
    time.sleep(0.2)  # until the dead have let go of the disk


def _check_names(mount: Path, number: int) -> list[str]:
    return [
        f"cut {number}: {name} leads nowhere"
        for name in os.listdir(mount)
        if not name.startswith(".") and not (mount / name / "conda-meta").is_dir()
    ]


def _verify(mount: Path) -> tuple[list[str], int]:
    """What `condafs verify` says of every published build; and how many there are."""
    builds = len({os.readlink(mount / name) for name in os.listdir(mount) if "@" in name})
    if not builds:
        return [], 0
    ended = subprocess.run(
        [*CONDAFS, "verify", "--json", "--mount", str(mount)], capture_output=True, text=True, check=False
    )
    if ended.returncode:
        return [f"verify ends with {ended.returncode}: {ended.stdout[-800:]} {ended.stderr[-800:]}"], builds
    json.loads(ended.stdout)
    return [], builds


def _settle(mount: Path, number: int) -> list[str]:
    """Everything that was asked for gets built in the end."""
    deadline = time.monotonic() + SETTLE_SECONDS
    states: dict[str, str] = {}
    while time.monotonic() < deadline:
        states = {
            name: yaml.safe_load((mount / ".status" / name).read_text())["state"]
            for name in os.listdir(mount / ".status")
        }
        if set(states.values()) <= {"ready"}:
            return []
        time.sleep(0.3)
    return [f"cut {number}: not everything is built: {states}"]


def _thin(mount: Path) -> None:
    """Make room on the disk."""
    for name in os.listdir(mount / ".history"):
        for link in sorted(os.listdir(mount / ".history" / name))[:-2]:
            with contextlib.suppress(OSError):
                (mount / os.path.basename(os.readlink(mount / ".history" / name / link))).unlink()
