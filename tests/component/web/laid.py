"""A catalog, filled as the daemon fills it, and beside it a directory that is laid out like its mount."""

import io
import json
import os
import tarfile
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import yaml

from condafs.catalog import attempts, changes, claims
from condafs.catalog.attempts import Failure, Sizes
from condafs.catalog.claims import Submission
from condafs.catalog.events import Author
from condafs.catalog.records import BuildRecord, FileRecord
from condafs.catalog.store import Catalog
from condafs.client.envs import Envs
from condafs.config import Settings
from condafs.names import BuildName, EnvironmentName, SpecDigest
from condafs.prefix.contents import InstalledPackage
from condafs.prefix.layout import PACKAGES
from condafs.spec import digest_of, to_canonical
from tests.unit.spec.asked import read

START = 1_795_835_640.0
"""2026-11-28 03:14:00 UTC; every change is a second later than the one before."""

ANN = Author(os.geteuid(), "ann")


@dataclass
class Laid:
    """Both.

    Attributes:
        settings: Of the machine.
        catalog: Open for writing.
        mount: The directory.
        now: Unix seconds of the last change.
    """

    settings: Settings
    catalog: Catalog
    mount: Path
    now: float = START
    archives: dict[BuildName, bytes] = field(default_factory=dict)

    @classmethod
    def make(cls, root: Path) -> "Laid":
        """Empty, as on the first day."""
        settings = Settings(root / "state", http_directory=root / "http", default_channels=("conda-forge",))
        mount = root / "envs"
        for name in (".specs", ".status", ".logs", ".history"):
            (mount / name).mkdir(parents=True)
        settings.builds.mkdir(parents=True)
        return cls(settings, Catalog.open(settings.catalog), mount)

    @property
    def envs(self) -> Envs:
        return Envs(self.mount)

    def _tick(self) -> float:
        self.now += 1
        return self.now

    def submit(self, name: str, text: str = "dependencies: [python]\n", author: Author = ANN) -> BuildName:
        """A file of `.specs` is written."""
        specification = read(text, f"{name}.yaml")
        build = BuildName(digest_of(specification), specification.name)
        file = FileRecord(f"{name}.yaml", "0" * 64, len(text), 0, build.digest, build.name)
        submission = Submission(file, to_canonical(specification), author.uid)
        now = self._tick()
        self.catalog.write_now(lambda transaction: claims.submit(transaction, submission, now), author)
        (self.mount / ".specs" / f"{name}.yaml").write_text(text)
        self.log(build, b"queued\n")
        self.set_status(build)
        return build

    def start(self, build: BuildName) -> None:
        """A builder takes it."""
        now = self._tick()
        self.catalog.write_now(lambda transaction: attempts.start(transaction, build.digest, now))
        self.set_status(build)

    def fail(self, build: BuildName, kind: str, message: str, delay_seconds: float | None = None) -> None:
        """A try fails."""
        now, failure = self._tick(), Failure(kind, message, delay_seconds)
        self.catalog.write_now(lambda transaction: attempts.fail(transaction, build.digest, failure, now))
        self.set_status(build)

    def publish(self, build: BuildName, *packages: InstalledPackage, seconds: float = 3) -> None:
        """It is built: in the catalog, and in the mount."""
        self.start(build)
        self.now += seconds - 1
        now, sizes = self._tick(), Sizes(1_000_000, 10_000, len(packages))
        self.catalog.write_now(lambda transaction: attempts.publish(transaction, build.digest, sizes, now))
        prefix = self.settings.builds / str(build)
        (prefix / PACKAGES).parent.mkdir(parents=True)
        (prefix / PACKAGES).write_text(json.dumps([asdict(package) for package in packages]))
        (prefix / "conda-meta/condafs.lock").write_text("version: 6\n- conda: https://ann:hunter2@host/x.conda\n")
        (self.mount / str(build)).symlink_to(prefix)
        self.archives[build] = _archive(build)
        (self.mount / f"{build}.tar").write_bytes(self.archives[build])
        self.log(build, b"sealed\n")
        self.point(build)
        self.set_status(build)

    def make_ready(self, name: str, text: str = "dependencies: [python]\n", *packages: InstalledPackage) -> BuildName:
        """Submitted and published."""
        build = self.submit(name, text)
        self.publish(build, *packages)
        return build

    def retire(self, name: str) -> None:
        """Its file is gone."""
        now = self._tick()
        self.catalog.write_now(lambda transaction: claims.retire(transaction, f"{name}.yaml", now), ANN)
        (self.mount / ".specs" / f"{name}.yaml").unlink()
        self._write_status(name, {"name": name, "state": "none", "retired": True})

    def roll_back(self, build: BuildName) -> None:
        """The name leads elsewhere."""
        now = self._tick()
        self.catalog.write_now(lambda transaction: changes.roll_back(transaction, build.name, build.digest, now), ANN)
        self.point(build)

    def delete(self, build: BuildName) -> None:
        """It is not visible any more."""
        now = self._tick()
        self.catalog.write_now(lambda transaction: changes.delete(transaction, build, now), ANN)
        (self.mount / str(build)).unlink()

    def point(self, build: BuildName) -> None:
        """Let the name lead to a build."""
        place = self.mount / build.name.text
        with suppress(FileNotFoundError):
            place.unlink()
        place.symlink_to(str(build))

    def log(self, build: BuildName, content: bytes) -> None:
        """Add to a log."""
        with (self.mount / f".logs/{build}.log").open("ab") as file:
            file.write(content)

    def set_status(self, build: BuildName, **building: object) -> None:
        """What `.status` says of the environment of a build that is wanted."""
        with self.catalog.snapshot() as snapshot:
            record = snapshot.build(build.digest)
            environment = snapshot.environment(build.name)
        assert record
        assert environment
        document: dict[str, object] = {"name": build.name.text, "state": record.state.value}
        document |= {"file": environment.file_name, "owner": record.owner_uid}
        if record.generation == 0:
            document["building"] = {"build": str(build), "digest": build.digest.hex, "state": record.state.value}
            document["building"] |= building  # type: ignore[operator]
        self._write_status(build.name.text, document)

    def _write_status(self, name: str, document: Mapping[str, object]) -> None:
        (self.mount / ".status" / name).write_text(yaml.safe_dump(document))

    def record(self, digest: SpecDigest) -> BuildRecord:
        """What the catalog has of a build."""
        with self.catalog.snapshot() as snapshot:
            found = snapshot.build(digest)
        assert found
        return found

    def is_known(self, name: str) -> bool:
        """Whether there is such an environment."""
        with self.catalog.snapshot() as snapshot:
            return snapshot.environment(EnvironmentName(name)) is not None


def _archive(build: BuildName) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        item = tarfile.TarInfo("bin/hello")
        item.size = 200_000
        archive.addfile(item, io.BytesIO(build.digest.hex.encode() * 3125))
    return content.getvalue()
