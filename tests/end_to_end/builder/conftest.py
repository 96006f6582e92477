"""A builder's surroundings: a state directory of its own, and a package cache that the tests share."""

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
import trio

from condafs.builder.protocol import BuildRequest, Failed, Progress, Succeeded
from condafs.builder.runner import LocalRunner
from condafs.names import BuildName, EnvironmentName
from condafs.prefix.seal import remove_prefix
from condafs.spec.canonical import digest_of, to_canonical
from condafs.spec.specification import LockedPackage, Specification

LONGEST_BUILD_SECONDS = 120


@dataclass(frozen=True, slots=True)
class Workshop:
    """Where builds are made.

    Attributes:
        channel: URL of the channel that specifications are about.
    """

    root: Path
    packages: Path
    channel: str

    @property
    def log(self) -> Path:
        """Of all its builds."""
        return self.root / "log"

    def request(
        self,
        *dependencies: str,
        channels: tuple[str, ...] = (),
        pip: tuple[str, ...] = (),
        variables: tuple[tuple[str, str], ...] = (),
        exclude_newer: str = "",
        packages: tuple[LockedPackage, ...] = (),
    ) -> BuildRequest:
        """The request for an environment `foo`."""
        specification = Specification(
            EnvironmentName("foo"),
            "linux-64" if os.uname().machine == "x86_64" else f"linux-{os.uname().machine}",
            channels or (self.channel,),
            tuple(sorted(dependencies)),
            pip,
            variables,
            exclude_newer,
            packages,
        )
        build = BuildName(digest_of(specification), specification.name)
        text = to_canonical(specification).decode()
        return BuildRequest(str(build), text, str(self.root / str(build)), str(self.packages))

    def run(
        self, request: BuildRequest, on_progress: Callable[[Progress], None] = lambda _: None
    ) -> Succeeded | Failed:
        """Build; what stands at the prefix is removed before, as the scheduler does."""
        remove_prefix(Path(request.prefix))

        async def run() -> Succeeded | Failed:
            with trio.fail_after(LONGEST_BUILD_SECONDS):
                return await LocalRunner().run(request, self.log, on_progress)

        return trio.run(run)

    def make(self, request: BuildRequest) -> Path:
        """Build something that can be built; returns the prefix."""
        outcome = self.run(request)
        assert isinstance(outcome, Succeeded), outcome
        return Path(request.prefix)

    def fail(self, request: BuildRequest) -> Failed:
        """Build something that cannot be built."""
        outcome = self.run(request)
        assert isinstance(outcome, Failed), outcome
        return outcome

    def with_own_cache(self) -> "Workshop":
        """The same with an empty package cache."""
        return replace(self, packages=self.root / "packages")


@pytest.fixture(scope="session")
def shared_packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("packages")


@pytest.fixture
def workshop(tmp_path: Path, shared_packages: Path, channel_url: str) -> Workshop:
    return Workshop(tmp_path, shared_packages, channel_url)
