"""The daemon is killed again and again under readers, writers, people who live in environments, and a running build.

Nothing may be lost, wrong or unanswered: who keeps the connection to the kernel (systemd's descriptor store; here the
tests' `Keeper`) starts the next daemon, which takes the mount over.
"""

import hashlib
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from condafs.filesystem.mounting import mount_at, unmount
from tests.mounted.keeper import Keeper

BUILD_SECONDS = 300
SETTINGS = "attempts: 100\nbackoff-initial-seconds: 0.1\nbackoff-cap-seconds: 1\njobs: 1\n"
WRITERS = ("ann", "bob", "eve")
LONGEST_STRETCH_SECONDS = 2.5


class Scene:
    """A mount, and who is at work on it.

    Args:
        directory: For everything; its path is short.
        channel: URL.
    """

    def __init__(self, directory: Path, channel: str) -> None:
        directory.mkdir()
        self.directory, self.channel = directory, channel
        self.mount, self.state = directory / "envs", directory / "state"
        self.mount.mkdir()
        (directory / "condafs.yaml").write_text(SETTINGS)
        program = [sys.executable, "-m", "condafs", "mount", str(self.mount), "--state", str(self.state)]
        program += ["--config", str(directory / "condafs.yaml"), "--take-over"]
        self.keeper = Keeper(program, directory)
        self.actors: dict[str, subprocess.Popen[bytes]] = {}

    def submit(self, name: str, *dependencies: str, label: str = "") -> None:
        """Write a specification."""
        lines = [f"name: {name}", f"channels: [{self.channel}]", f"dependencies: [{', '.join(dependencies)}]"]
        lines += [f"variables: {{LABEL: '{label}'}}"]
        (self.mount / ".specs" / f"{name}.yaml").write_text("\n".join(lines) + "\n")

    def status(self, name: str) -> dict[str, Any]:
        """What is said of it."""
        document: dict[str, Any] = yaml.safe_load((self.mount / ".status" / name).read_text())
        return document

    def wait_ready(self, name: str) -> str:
        """Where the name leads, when what was last asked for is built."""
        deadline = time.monotonic() + BUILD_SECONDS
        while (state := self.status(name)["state"]) != "ready":
            if state in {"failed", "cancelled"} or time.monotonic() > deadline:
                msg = f"{name} is {state}: {self.status(name)}"
                raise AssertionError(msg)
            time.sleep(0.1)
        return os.readlink(self.mount / name)

    def act(self, label: str, sort: str, *arguments: str) -> None:
        """Let somebody begin."""
        command = [sys.executable, "-m", "tests.endurance.actor", sort, str(self.mount)]
        command += [str(self.directory / f"{label}.json"), *arguments]
        self.actors[label] = subprocess.Popen(command, stdin=subprocess.PIPE, cwd=Path(__file__).parents[2])

    def stop(self) -> dict[str, dict[str, Any]]:
        """Let everybody end, and say what they saw."""
        reports = {}
        for label, process in self.actors.items():
            process.communicate(b"\n", timeout=120)
            path = self.directory / f"{label}.json"
            reports[label] = json.loads(path.read_text()) if path.exists() else {"died": process.returncode}
        return reports

    def close(self) -> None:
        """Leave nothing."""
        self.keeper.close()
        for process in self.actors.values():
            process.kill()
            process.wait()
        while mount_at(self.mount):
            unmount(self.mount)


def kill_often(channel: str, directory: Path, rounds: int) -> list[str]:
    """Kill the daemon so often; what went wrong.

    Args:
        channel: URL of a channel that has python, trio, rich, pytest and the like.
        directory: To work in; made here.
        rounds: Kills.
    """
    scene = Scene(directory, channel)
    try:
        scene.keeper.start()
        _prepare(scene)
        gaps = []
        for number in range(rounds):
            scene.submit(f"build{number % 5}", "python", "rich", label=str(number))
            time.sleep(random.uniform(0, LONGEST_STRETCH_SECONDS))  # noqa: S311 - any moment will do
            began = time.monotonic()
            scene.keeper.kill()
            scene.keeper.start()
            gaps.append(time.monotonic() - began)
        time.sleep(1)
        reports = scene.stop()
        complaints = _judge(scene, reports, rounds)
        _tell(reports, gaps)
    finally:
        scene.close()
    return complaints


def _prepare(scene: Scene) -> None:
    modules = ("python", "trio", "rich", "pytest", "pygments", "attrs", "idna", "click", "sortedcontainers")
    scene.submit("stable", *modules)
    stable = scene.wait_ready("stable")
    scene.submit("steered", label="1")
    first = scene.wait_ready("steered")
    scene.submit("steered", label="2")
    second = scene.wait_ready("steered")
    expected = hashlib.sha256((scene.mount / "stable.tar").read_bytes()).hexdigest()
    scene.act("names", "names", stable)
    scene.act("more names", "names", stable)
    scene.act("export", "export", expected)
    scene.act("resident", "resident", os.path.realpath(scene.mount / "stable"))
    scene.act("steerer", "steerer", first, second)
    for name in WRITERS:
        scene.act(name, "writer", name)


def _judge(scene: Scene, reports: dict[str, dict[str, Any]], rounds: int) -> list[str]:
    complaints = []
    for label, report in reports.items():
        if "died" in report:
            complaints.append(f"{label} ended with {report['died']}")
            continue
        complaints += [f"{label}: wrong: {text}" for text in report["wrong"]]
        complaints += [f"{label}: failed: {text}" for text in report["failures"]]
    for name in WRITERS:
        taken = reports[name].get("taken", "")
        kept = (scene.mount / ".specs" / f"{name}.yaml").read_text()
        if kept != taken:
            complaints.append(f"{name}: what was taken is lost: {taken!r} became {kept!r}")
        scene.wait_ready(name)
        marker = json.loads((scene.mount / name / "conda-meta" / "condafs" / "build.json").read_text())
        wanted = yaml.safe_load(taken)["variables"]["ROUND"]
        if wanted not in marker["specification"]:
            complaints.append(f"{name}: the name leads to another build than was asked for last ({wanted})")
    for number in range(min(rounds, 5)):
        scene.wait_ready(f"build{number}")
    log = scene.keeper.log.read_text()
    complaints += [line for line in log.splitlines() if "Traceback" in line or " ERROR " in line]
    takeovers = log.count("is taken over")
    if takeovers != rounds:
        complaints.append(f"{rounds} kills, but {takeovers} takeovers")
    return complaints


def _tell(reports: dict[str, dict[str, Any]], gaps: list[float]) -> None:
    median = sorted(gaps)[len(gaps) // 2]
    print(f"  {len(gaps)} kills; from kill to ready: median {median:.2f} s, longest {max(gaps):.2f} s")
    for label, report in reports.items():
        if "died" not in report:
            print(
                f"  {label:12} {report['count']:6} rounds, {report['wrong_count']} wrong, "
                f"{report['failures_count']} failed, slowest {report['slowest']:.1f} s"
            )
