"""A plain directory laid out like a mount: what the command line reads and writes, without a daemon."""

import json
import os
from dataclasses import asdict, dataclass
from pathlib import Path

import yaml

from condafs.names import BuildName, EnvironmentName, SpecDigest
from condafs.prefix.contents import InstalledPackage
from condafs.prefix.layout import PACKAGES


def digest(letter: str) -> SpecDigest:
    """A digest that is easy to tell from others: `aaaa…`."""
    return SpecDigest(letter * 64)


@dataclass(frozen=True, slots=True)
class FakeEnvs:
    """The directories; `mount` is what `--mount` is given."""

    mount: Path
    builds: Path

    @classmethod
    def make(cls, root: Path) -> "FakeEnvs":
        """Empty, as on the first day."""
        envs = cls(root / "envs", root / "builds")
        for name in (".specs", ".status", ".logs", ".history"):
            (envs.mount / name).mkdir(parents=True)
        envs.builds.mkdir()
        return envs

    def add_generation(
        self, name: str, number: int, letter: str, packages: tuple[InstalledPackage, ...] = ()
    ) -> BuildName:
        """Publish a build: prefix, log, history; the name does not move."""
        build = BuildName(digest(letter), EnvironmentName(name))
        prefix = self.builds / str(build)
        (prefix / PACKAGES).parent.mkdir(parents=True)
        (prefix / PACKAGES).write_text(json.dumps([asdict(package) for package in packages]))
        (prefix / "bin").mkdir()
        (self.mount / str(build)).symlink_to(prefix)
        (self.mount / f"{name}@{build.digest.short}").symlink_to(str(build))
        history = self.mount / ".history" / name
        history.mkdir(exist_ok=True)
        (history / f"{number}-{build.digest.short}").symlink_to(f"../../{build}")
        (self.mount / ".logs" / f"{build}.log").write_text(f"solve\nsealed {build}\n")
        return build

    def add_event(self, name: str, kind: str, **fields: object) -> None:
        """Append a line to the events."""
        path = self.mount / ".history" / name / ".events"
        path.parent.mkdir(exist_ok=True)
        event = {"number": 1, "at": "2026-11-01T12:00:00+00:00", "kind": kind, **fields}
        with path.open("a") as file:
            file.write(json.dumps(event) + "\n")

    def point(self, name: str, build: BuildName) -> None:
        """Let a name lead to a build."""
        temporary = self.mount / f".{name}"
        temporary.symlink_to(str(build))
        temporary.replace(self.mount / name)

    def add_program(self, build: BuildName, name: str, text: str) -> None:
        """A script in `bin` of a build."""
        program = self.builds / str(build) / "bin" / name
        program.write_text(text)
        program.chmod(0o755)

    def set_status(self, name: str, **fields: object) -> None:
        """Write the status document, whole, as the mount would answer it."""
        path = self.mount / ".status" / f".{name}"
        path.write_text(yaml.safe_dump({"name": name, **fields}, sort_keys=False))
        path.replace(self.mount / ".status" / name)

    def set_current(self, name: str, build: BuildName, generation: int = 1, **fields: object) -> None:
        """Let a name lead to a build and say so."""
        self.point(name, build)
        current = {
            "build": str(build),
            "digest": build.digest.hex,
            "generation": generation,
            "published": "2026-11-01T12:00:00Z",
            "size_bytes": 210_000_000,
            "own_bytes": 3_400_000,
            "package_count": 42,
            "path": os.fspath(self.builds / str(build)),
        }
        whole = {"state": "ready", "file": f"{name}.yaml", "owner": 0, "current": current, "generations": generation}
        self.set_status(name, **(whole | fields))
