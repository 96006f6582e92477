"""Two builds of one environment, made of real packages, and the name that moves from one to the other.

With CONDAFS_TEST_CHANNEL (a URL or directory) every python of that channel is tried; otherwise the one of the
embedded channel, which is the one that runs the tests.
"""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from condafs.names import EnvironmentName
from condafs.prefix.activation import write_activation
from condafs.prefix.seal import remove_prefix, seal

CHANNEL = os.environ.get("CONDAFS_TEST_CHANNEL", "")
INSTALL = Path(__file__).with_name("install.py")


def records_of_channel() -> list[dict[str, str]]:
    """What the given channel has, if it can be read as files."""
    paths = Path(CHANNEL.removeprefix("file://")).glob("*/repodata.json") if CHANNEL else ()
    return [record for path in paths for record in json.loads(path.read_bytes())["packages.conda"].values()]


def pythons_of_channel() -> list[str]:
    """Minor versions, as "3.12"."""
    versions = [record["version"] for record in records_of_channel() if record["name"] == "python"]
    found = {match[0] for version in versions if (match := re.match(r"\d+\.\d+", version))}
    running = f"{sys.version_info.major}.{sys.version_info.minor}"
    return sorted(found, key=lambda version: [int(part) for part in version.split(".")]) or [running]


def has_package(name: str) -> bool:
    """Whether the channel has it; the tests' own has all that is asked for here."""
    return not CHANNEL or any(record["name"] == name for record in records_of_channel())


@dataclass(frozen=True)
class Builds:
    """Generation 1 and 2 of an environment; each has a module that says which it is.

    Attributes:
        name: The link that moves, like `/envs/foo`.
    """

    python: str
    first: Path
    second: Path
    name: Path

    def flip(self) -> None:
        """Publish the second build."""
        self._point(self.second)

    def reset(self) -> None:
        """Begin with the first one."""
        self._point(self.first)

    def _point(self, build: Path) -> None:
        fresh = self.name.with_name(".fresh")
        fresh.symlink_to(build)
        fresh.replace(self.name)


@pytest.fixture(scope="session")
def channel(request: pytest.FixtureRequest) -> str:
    """URL of the channel that environments are made from."""
    if not CHANNEL:
        return str(request.getfixturevalue("channel_url"))
    return CHANNEL if "://" in CHANNEL else Path(CHANNEL).resolve().as_uri()


@pytest.fixture(scope="session", params=pythons_of_channel())
def both(request: pytest.FixtureRequest, channel: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Builds]:
    """Two sealed builds that share their packages."""
    top = tmp_path_factory.mktemp("envs")
    cache = tmp_path_factory.getbasetemp() / "packages"
    builds = Builds(request.param, top / "builds/1-foo", top / "builds/2-foo", top / "foo")
    for number, prefix in ((1, builds.first), (2, builds.second)):
        specs = [f"python={request.param}", *(["pip"] if has_package("pip") else [])]
        command: list[str | Path] = [sys.executable, INSTALL, channel, prefix, cache, *specs]
        subprocess.run(command, check=True, timeout=250)
        add_modules(prefix, request.param, number)
        write_activation(prefix, EnvironmentName("foo"), {"GENERATION": str(number)})
        seal(prefix)
    yield builds
    for prefix in (builds.first, builds.second):
        remove_prefix(prefix)


@pytest.fixture
def builds(both: Builds) -> Builds:
    """The same two, with the name on the first."""
    both.reset()
    return both


def add_modules(prefix: Path, python: str, number: int) -> None:
    """A module to be imported late and an entry point, as pip would have installed them."""
    packages = prefix / f"lib/python{python}/site-packages"
    (packages / "generation.py").write_text(f"NUMBER = {number}\n")
    (packages / "imported_late.py").write_text(f"NUMBER = {number}\n")
    script = prefix / "bin/entry-point"
    script.write_text(f"#!{prefix}/bin/python{python}\n{(Path(__file__).with_name('probe.py')).read_text()}")
    script.chmod(0o755)
    # As the builder does for all that has no valid bytecode: root's python would write it into the sealed build.
    sources = [packages / "generation.py", packages / "imported_late.py", *packages.parent.glob("_sysconfigdata*.py")]
    compile_: list[str | Path] = [
        prefix / f"bin/python{python}",
        "-m",
        "compileall",
        "-q",
        "--invalidation-mode",
        "unchecked-hash",
    ]
    subprocess.run([*compile_, *sources], check=True, timeout=60)
