"""People at work on a mount, as processes of their own: each goes on until it is told to stop, then says what it saw.

    python -m tests.endurance.actor SORT MOUNT REPORT [ARGUMENT...]

SORT is the name of a class below in lower case. A line on standard input ends it. REPORT becomes a JSON document:
`count` of rounds, `wrong` contents, `failures` of system calls, the `slowest` round in seconds, and what a sort adds.
"""

import hashlib
import json
import os
import select
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import yaml

MOST_TOLD = 20


class Actor:
    """Somebody who does one thing again and again."""

    def __init__(self, mount: Path, *arguments: str) -> None:
        self.mount = mount
        self.arguments = arguments
        self.report: dict[str, Any] = {"count": 0, "wrong": [], "failures": [], "slowest": 0.0}

    def prepare(self) -> None:
        """Before the first round."""

    def round(self) -> None:
        """Do it once."""
        raise NotImplementedError

    def wrong(self, text: str) -> None:
        """Something was not as it has to be."""
        self.report["wrong"].append(text[:500])

    def run(self) -> None:
        """Until there is a line on standard input."""
        self.prepare()
        while not select.select([0], [], [], 0)[0]:
            began = time.monotonic()
            try:
                self.round()
            except OSError as error:
                self.report["failures"].append(repr(error))
            except subprocess.CalledProcessError as error:
                self.report["failures"].append(f"{error}: {error.stderr}"[-500:])
            self.report["count"] += 1
            self.report["slowest"] = max(self.report["slowest"], time.monotonic() - began)
        for key in ("wrong", "failures"):
            self.report[f"{key}_count"] = len(self.report[key])
            self.report[key] = self.report[key][:MOST_TOLD]


class Names(Actor):
    """Follows names, lists directories, reads status and log."""

    def round(self) -> None:
        target = os.readlink(self.mount / "stable")
        if target != self.arguments[0]:
            self.wrong(f"stable leads to {target}")
        if (self.mount / "stable" / "conda-meta" / "condafs.lock").stat().st_size == 0:
            self.wrong("the lock is empty")
        listed = os.listdir(self.mount)
        if "stable" not in listed:
            self.wrong(f"stable is not listed: {listed}")
        status = yaml.safe_load((self.mount / ".status" / "stable").read_text())
        if status["state"] != "ready":
            self.wrong(f"the status of stable: {status}")
        if len(os.listdir(self.mount / ".history" / "stable")) != 1:
            self.wrong("the history of stable")
        (self.mount / ".logs" / f"{target}.log").read_bytes()
        time.sleep(0.01)  # people pause


class Export(Actor):
    """Reads a virtual tarball from end to end, slowly enough to meet a kill, and knows what it has to be."""

    def round(self) -> None:
        digest = hashlib.sha256()
        with (self.mount / "stable.tar").open("rb", buffering=0) as file:
            while piece := file.read(1 << 20):
                digest.update(piece)
        if digest.hexdigest() != self.arguments[0]:
            self.wrong(f"the tarball has another sum: {digest.hexdigest()}")


class Resident(Actor):
    """Lives in an environment: its python, its working directory, modules that are imported late, children."""

    MODULES = ("trio", "rich.console", "pytest", "pygments.lexers", "attr", "idna", "click", "sortedcontainers")

    def prepare(self) -> None:
        os.chdir(self.mount / "stable")

    def round(self) -> None:
        module = self.MODULES[self.report["count"] % len(self.MODULES)]
        program = (
            "import os, subprocess, sys, importlib\n"
            f"importlib.import_module({module!r})\n"
            "command = [sys.executable, '-c', 'import sys; print(sys.prefix)']\n"
            "child = subprocess.run(command, capture_output=True, text=True)\n"
            "print(sys.prefix, child.stdout.strip(), os.getcwd())"
        )
        said = subprocess.run(
            [self.mount / "stable" / "bin" / "python", "-c", program], capture_output=True, text=True, check=True
        ).stdout.split()
        if said != [self.arguments[0]] * 3:
            self.wrong(f"it lives elsewhere: {said}")


class Writer(Actor):
    """Writes specifications, in turns as cp, editors and shells do; remembers what was taken."""

    def prepare(self) -> None:
        self.name = self.arguments[0]
        self.path = self.mount / ".specs" / f"{self.name}.yaml"
        self.report["taken"] = ""

    def round(self) -> None:
        number = self.report["count"]
        text = f"name: {self.name}\nchannels: []\ndependencies: []\nvariables: {{ROUND: 'r{number}'}}\n"
        (self._in_place, self._renamed, self._in_pieces)[number % 3](text)
        if self.path.read_text() != text:
            self.wrong(f"{self.name} is not what was written: {self.path.read_text()!r}")
        self.report["taken"] = text
        time.sleep(0.05)

    def _in_place(self, text: str) -> None:
        with self.path.open("w") as file:
            file.write(text)

    def _renamed(self, text: str) -> None:
        temporary = self.path.with_name(f".{self.name}.swp")
        with temporary.open("w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.rename(self.path)

    def _in_pieces(self, text: str) -> None:
        with self.path.open("w", buffering=1) as file:
            for line in text.splitlines(keepends=True):
                file.write(line)


class Steerer(Actor):
    """Rolls an environment back and forth."""

    def round(self) -> None:
        first, second = self.arguments
        wanted = (first, second)[self.report["count"] % 2]
        subprocess.run(["ln", "-sfn", wanted, str(self.mount / "steered")], check=True, capture_output=True, text=True)
        if os.readlink(self.mount / "steered") != wanted:
            self.wrong(f"steered leads to {os.readlink(self.mount / 'steered')}")
        time.sleep(0.05)


SORTS = {sort.__name__.lower(): sort for sort in (Names, Export, Resident, Writer, Steerer)}


if __name__ == "__main__":
    kind, place, report, *rest = sys.argv[1:]
    actor = SORTS[kind](Path(place), *rest)
    actor.run()
    Path(report).write_text(json.dumps(actor.report))
