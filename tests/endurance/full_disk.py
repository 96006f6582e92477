"""The disk is full to the last byte, at every stage of a build.

Builds fail clearly, the name keeps its last good build, and everything is well again as soon as there is room.
"""

import os
import shutil
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from condafs.builder.protocol import Phase
from condafs.filesystem.mounting import mount_at, unmount
from tests.endurance.disk import Disk
from tests.mounted.keeper import Keeper

DISK_BYTES = 700_000_000
STEPS = 24
SETTINGS = "attempts: 50\nbackoff-initial-seconds: 1\nbackoff-cap-seconds: 1\njobs: 1\n"
PATIENCE_SECONDS = 120
BLOCK_BYTES = 4096


class Patient:
    """A daemon on a small disk."""

    def __init__(self, channel: str, directory: Path) -> None:
        directory.mkdir()
        self.channel = channel
        self.mount = directory / "envs"
        self.mount.mkdir()
        self.disk = Disk(directory / "image", directory / "d", DISK_BYTES)
        (directory / "condafs.yaml").write_text(SETTINGS)
        program = [sys.executable, "-m", "condafs", "mount", str(self.mount)]
        program += ["--state", str(self.disk.place / "state"), "--config", str(directory / "condafs.yaml")]
        self.keeper = Keeper(program, directory)

    def submit(self, label: str) -> None:
        packages = "python, rich, click, pip, condafs-hello"
        text = f"channels: [{self.channel}]\ndependencies: [{packages}]\nvariables: {{L: '{label}'}}\n"
        (self.mount / ".specs" / "foo.yaml").write_text(text)

    def status(self) -> dict[str, Any]:
        document: dict[str, Any] = yaml.safe_load((self.mount / ".status" / "foo").read_text())
        return document

    def wait(self, *states: str) -> dict[str, Any]:
        return self.wait_until(lambda status: status["state"] in states, " or ".join(states))

    def wait_until(self, is_reached: Callable[[dict[str, Any]], bool], what: str) -> dict[str, Any]:
        deadline = time.monotonic() + PATIENCE_SECONDS
        while not is_reached(status := self.status()):
            if time.monotonic() > deadline:
                msg = f"not {what} after {PATIENCE_SECONDS} s: {status}"
                raise AssertionError(msg)
            time.sleep(0.05)
        return status

    def wait_for_phase(self, phase: Phase) -> None:
        """As soon as a builder is there, or beyond."""
        later = {str(other) for other in list(Phase)[list(Phase).index(phase) :]}
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (status := self.status())["state"] in {"queued", "building"} and time.monotonic() < deadline:
            if (status.get("building") or {}).get("phase") in later:
                return

    def wait_decided(self) -> dict[str, Any]:
        """As soon as it is built, or it is told why not."""
        return self.wait_until(
            lambda status: (
                status["state"] in {"waiting", "ready", "failed"}
                or bool((status.get("building") or {}).get("obstacle"))
            ),
            "built, nor is it told why not,",
        )

    def wait_moved(self, before: str) -> str:
        """Where the name leads once it leads elsewhere."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while (target := os.readlink(self.mount / "foo")) == before:
            if time.monotonic() > deadline:
                msg = f"it is not built, though there is room: {self.status()}"
                raise AssertionError(msg)
            time.sleep(0.05)
        return target

    def free_bytes(self) -> int:
        found = os.statvfs(self.disk.place)
        return found.f_bavail * found.f_frsize

    def fill(self, free_bytes: int) -> None:
        """Leave that much."""
        with (self.disk.place / "filler").open("wb") as file:
            while (too_much := self.free_bytes() - free_bytes) >= BLOCK_BYTES:
                try:
                    os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), too_much // BLOCK_BYTES * BLOCK_BYTES)
                except OSError:
                    try:
                        file.write(bytes(BLOCK_BYTES))
                        file.flush()
                    except OSError:
                        return

    def make_room(self) -> None:
        (self.disk.place / "filler").unlink()

    def close(self) -> None:
        self.keeper.close()
        while mount_at(self.mount):
            unmount(self.mount)
        time.sleep(0.3)
        self.disk.close()


def fill_the_disk(channel: str, directory: Path) -> list[str]:
    """Build with less room than is needed, by steps; what went wrong.

    Args:
        channel: URL of a channel with python, rich, click, pip and condafs-hello.
        directory: To work in; made here.
    """
    patient = Patient(channel, directory)
    complaints: list[str] = []
    phases: dict[str, int] = {}
    try:
        patient.keeper.start()
        before = patient.free_bytes()
        patient.submit("first")
        patient.wait("ready")
        needed = before - patient.free_bytes()
        good = os.readlink(patient.mount / "foo")
        moments: list[int | Phase] = [needed * step // STEPS for step in range(STEPS)]
        for step, moment in enumerate([*moments, *Phase]):
            patient.keeper.end()
            _remove_tree(patient.disk.place / "state" / "packages")
            patient.keeper.start()
            calm = patient.free_bytes()
            if isinstance(moment, Phase):
                patient.submit(str(step))
                patient.wait_for_phase(moment)
                patient.fill(0)
            else:
                patient.fill(moment)
                _submit(patient, str(step), phases)
            complaints += [f"{moment}: {text}" for text in _judge(patient, good, phases)]
            patient.make_room()
            good_now = patient.wait_moved(good)
            os.unlink(patient.mount / os.path.basename(good))
            good = good_now
            lost = calm - patient.free_bytes()
            if lost > needed * 1.2:
                complaints.append(f"{moment}: {lost / 1e6:.0f} MB do not come back ({needed / 1e6:.0f} are needed)")
        print(f"  {STEPS} steps up to {needed / 1e6:.0f} MB, {len(Phase)} phases; it failed in: {phases}")
    finally:
        patient.close()
    return complaints


def _submit(patient: Patient, label: str, phases: dict[str, int]) -> None:
    try:
        patient.submit(label)
    except OSError as error:
        phases[f"writing the specification ({error.strerror})"] = phases.get("writing", 0) + 1
        patient.make_room()
        patient.submit(label)
        patient.fill(0)


def _judge(patient: Patient, good: str, phases: dict[str, int]) -> list[str]:
    status = patient.wait_decided()
    complaints = []
    if obstacle := (status.get("building") or {}).get("obstacle"):
        phases["before the try"] = phases.get("before the try", 0) + 1
        if "no room left" not in obstacle:
            complaints.append(f"no clear word about the disk: {obstacle}")
    if status["state"] == "failed":
        complaints.append(f"it is given up, though room may come: {status}")
    if status["state"] == "waiting":
        last = status["last_error"]
        if last["kind"] != "disk-full":
            complaints.append(f"no clear word about the disk: {last}")
        reason = " ".join(f"{last['message']}".split()[:7])
        phases[reason] = phases.get(reason, 0) + 1
    if status["state"] != "ready":
        if os.readlink(patient.mount / "foo") != good:
            complaints.append("the name has moved")
        if not (patient.mount / "foo" / "conda-meta").is_dir():
            complaints.append("the name leads nowhere")
    return complaints


def _remove_tree(path: Path) -> None:
    for directory, _, _ in os.walk(path):
        os.chmod(directory, 0o700)
    shutil.rmtree(path)
    path.mkdir(mode=0o700)
