"""A build of all that packages can hold, and its archive."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from condafs.export.__main__ import lay_out
from condafs.export.index import Index
from condafs.export.reader import Reader
from condafs.names import BuildName
from tests.end_to_end.builder.conftest import Workshop, shared_packages, workshop

__all__ = ["shared_packages", "workshop"]

INSTALL = Path(__file__).parents[1] / "prefix/install.py"

EVERYTHING = (
    "python",
    "pip",
    "condafs-hello",
    "zz-activate",
    "zz-textprefix",
    "zz-binprefix",
    "zz-edgecases",
    "zz-bigfile",
    "zz-manyfiles",
    "zz-noarch-data",
    "zz-noarch-py",
    "zz-uncompilable",
    "zz-clobber-a",
    "zz-clobber-b",
)
"""Without post-link scripts: bare rattler would run them."""


@dataclass(frozen=True, slots=True)
class Exported:
    """A build and the index of its `.tar`."""

    prefix: Path
    directory: Path
    channel: str

    def tar(self) -> bytes:
        """The whole archive, computed."""
        return read_all(self.directory / "tar", self.prefix)


def read_all(index: Path, prefix: Path) -> bytes:
    """Everything that an index describes."""
    with index.open("rb") as file:
        reader = Reader(Index(file.fileno()), os.open(prefix, os.O_PATH))
    try:
        return bytes(reader.read(0, reader.index.size_bytes))
    finally:
        reader.close()


def export(workshop: Workshop, *specs: str, pip: tuple[str, ...] = ()) -> Exported:
    """Build, and lay out."""
    prefix = workshop.make(workshop.request(*specs, pip=pip, variables=(("GREETING", "hello there"),)))
    directory = workshop.root / "exports" / prefix.name
    lay_out(prefix, BuildName.parse(prefix.name).name, directory)
    return Exported(prefix, directory, workshop.channel)


@pytest.fixture(scope="session")
def everything(tmp_path_factory: pytest.TempPathFactory, shared_packages: Path, channel_url: str) -> Exported:
    """Of all packages."""
    return export(Workshop(tmp_path_factory.mktemp("everything"), shared_packages, channel_url), *EVERYTHING)


def install_at(channel: str, place: Path, cache: Path, *specs: str) -> Path:
    """What rattler itself installs."""
    subprocess.run([sys.executable, INSTALL, channel, place, cache, *specs], check=True, timeout=250)
    return place


def unpack(archive: bytes, place: Path) -> Path:
    """As GNU tar does, from a pipe; then `conda-unpack` by the environment's own python."""
    place.mkdir(parents=True)
    subprocess.run(["tar", "xf", "-", "-C", str(place)], input=archive, check=True)
    subprocess.run([place / "bin/conda-unpack", "--quiet"], check=True)
    return place
