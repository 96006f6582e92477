"""What is on the disk when the catalog is lost: finished builds, what their logs tell of them, files of `.specs`."""

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from condafs.catalog.records import FileRecord
from condafs.config import Settings, machine_platform
from condafs.errors import SpecificationError
from condafs.names import MAX_PREFIX_BYTES, BuildName, is_spec_file
from condafs.prefix.contents import read_packages
from condafs.prefix.inventory import read_summary
from condafs.prefix.layout import MARKER
from condafs.prefix.marker import Marker, is_finished, read_marker
from condafs.prefix.walk import Sums
from condafs.scheduler.logbook import NOTHING_TOLD, Told, read_log
from condafs.scheduler.strays import named_builds
from condafs.spec.canonical import digest_of, to_canonical
from condafs.spec.image import ImageSettings
from condafs.spec.parse import parse


@dataclass(frozen=True, slots=True)
class SurvivingBuild:
    """A finished build.

    Attributes:
        specification: Canonical; with stars instead of credentials, and empty when the marker cannot be read.
        finished: Unix seconds.
        sizes: Zeros when the inventory cannot be read.
        told: What its log tells.
    """

    build: BuildName
    specification: bytes
    finished: float
    sizes: Sums
    package_count: int
    told: Told = NOTHING_TOLD


@dataclass(frozen=True, slots=True)
class SurvivingFile:
    """A file of `.specs` that describes an environment.

    Attributes:
        record: As the catalog keeps it.
        canonical: The specification, credentials included.
    """

    record: FileRecord
    canonical: bytes
    image: ImageSettings
    owner_uid: int

    @property
    def build(self) -> BuildName:
        """What it describes."""
        assert self.record.digest  # noqa: S101 - set by whoever makes this
        assert self.record.name  # noqa: S101
        return BuildName(self.record.digest, self.record.name)


def surviving_builds(settings: Settings) -> Iterator[SurvivingBuild]:
    """Every build that says that it is finished."""
    for build in named_builds(settings.builds):
        prefix = settings.builds / str(build)
        if is_finished(prefix):
            yield _survey(build, prefix, settings.logs / f"{build}.log")


def _survey(build: BuildName, prefix: Path, log: Path) -> SurvivingBuild:
    marker = _marker(prefix)
    try:
        sizes = read_summary(prefix)
    except (OSError, ValueError, KeyError):
        sizes = Sums(0, 0, 0)
    try:
        count = len(read_packages(prefix))
    except (OSError, ValueError, TypeError):
        count = 0
    try:
        with log.open(encoding="utf-8", errors="replace") as lines:
            told = read_log(lines)
    except OSError:
        told = NOTHING_TOLD
    finished = marker.finished if marker else (prefix / MARKER).stat().st_mtime
    specification = marker.specification.encode() if marker else b""
    return SurvivingBuild(build, specification, finished, sizes, count, told)


def _marker(prefix: Path) -> Marker | None:
    try:
        return read_marker(prefix)
    except ValueError:
        return None


def surviving_files(settings: Settings, owner_of: Callable[[Path], int]) -> Iterator[SurvivingFile]:
    """Files that describe something. Those that are refused, and notes, are looked at again at the next start."""
    longest = MAX_PREFIX_BYTES - len(os.fsencode(settings.builds))
    try:
        paths = sorted(settings.specs.iterdir())
    except FileNotFoundError:
        return
    for path in paths:
        if not is_spec_file(path.name) or path.is_symlink() or not path.is_file():
            continue
        content, found = path.read_bytes(), path.stat()
        try:
            specification = parse(content, path.name, machine_platform(), longest)
        except SpecificationError:
            continue
        if specification:
            digest = digest_of(specification)
            sha256 = hashlib.sha256(content).hexdigest()
            record = FileRecord(path.name, sha256, len(content), found.st_mtime_ns, digest, specification.name)
            yield SurvivingFile(record, to_canonical(specification), specification.image, owner_of(path))
