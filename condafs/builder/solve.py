"""From a specification to the records of exact packages: solving, or taking a lock at its word."""

import asyncio
import datetime as dt
import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from rattler.channel import Channel, ChannelPriority
from rattler.exceptions import InvalidMatchSpecError
from rattler.match_spec import MatchSpec
from rattler.platform import Subdir
from rattler.repo_data import Gateway, RepoDataRecord
from rattler.solver import solve
from rattler.virtual_package import VirtualPackage, VirtualPackageOverrides

from condafs.builder.archives import Archive, verify_archives
from condafs.builder.channels import find_channels, place_dependencies
from condafs.builder.failure import BuildError
from condafs.builder.protocol import FailureKind
from condafs.spec.specification import Specification

OVERRIDE = "CONDA_OVERRIDE_"
"""`CONDA_OVERRIDE_GLIBC=2.17` solves for another machine than this one (conda's documentation, "Virtual packages")."""

_LOCAL_URL = re.compile(r'url="(file://[^"]+)"')


@dataclass(frozen=True, slots=True)
class Solution:
    """What an environment is made of.

    Attributes:
        records: Exact packages.
        channels: Where they were looked for, in order.
        requested: Match specs as asked for; empty for a lock.
        platform: conda subdir.
    """

    records: list[RepoDataRecord]
    channels: list[Channel]
    requested: list[MatchSpec]
    platform: str


def archive_of(record: RepoDataRecord) -> Archive:
    """The archive that a record is of."""
    return Archive(record.url, record.sha256, record.md5, record.size or 0)


async def solve_specification(
    specification: Specification, gateway: Gateway, *, default_channels: Sequence[str], channel_alias: str
) -> Solution:
    """Find the packages of a specification that has dependencies (and no lock).

    Strict channel priority: a package is taken from the first channel that has any of its name.

    Args:
        specification: What was asked for.
        gateway: Where repodata comes from.
        default_channels: When the specification names none.
        channel_alias: URL that plain channel names are below.

    Raises:
        rattler's errors, see `failure`.
    """
    channels = find_channels(specification.channels or default_channels, channel_alias)
    dependencies, channels = place_dependencies(requirements(specification), channels, channel_alias)
    requested = [_match_spec(dependency) for dependency in dependencies]
    await asyncio.to_thread(verify_archives, local_archives(requested))
    records = await solve(
        channels,
        requested,
        gateway=gateway,
        platforms=[Subdir(specification.platform), Subdir("noarch")],
        virtual_packages=virtual_packages(dict(specification.variables)),
        channel_priority=ChannelPriority.Strict,
        exclude_newer=cut_off(specification.exclude_newer),
        # A channel that records no times (an indexed directory) would offer nothing at all otherwise.
        timestamp_policy="allow-missing",
    )
    return Solution(records, channels, requested, specification.platform)


def requirements(specification: Specification) -> list[str]:
    """The dependencies; pip and python too when there is a `pip:` list, as conda adds them."""
    dependencies = list(specification.dependencies)
    if specification.pip:
        named = {_match_spec(dependency).name.normalized for dependency in dependencies}
        dependencies += [name for name in ("pip", "python") if name not in named]
    return dependencies


def requested_specs(specification: Specification) -> list[MatchSpec]:
    """What is asked for, channels left out of it."""
    return [_match_spec(dependency.rpartition("::")[2]) for dependency in requirements(specification)]


def local_archives(requested: Sequence[MatchSpec]) -> list[Archive]:
    """Archives of this machine that match specs name by URL; solving brings them into the cache already."""
    found = [(spec, _LOCAL_URL.search(str(spec))) for spec in requested]
    return [Archive(match[1], spec.sha256, spec.md5) for spec, match in found if match]


def _match_spec(dependency: str) -> MatchSpec:
    try:
        return MatchSpec(dependency)
    except InvalidMatchSpecError as error:
        msg = f"the dependency {dependency!r} cannot be read: {error}"
        raise BuildError(FailureKind.BAD_SPEC, msg) from None


def cut_off(exclude_newer: str) -> dt.datetime | None:
    """The moment after which uploads do not count, UTC; a day means its end, so that its own packages count.

    Args:
        exclude_newer: `YYYY-MM-DD`, RFC 3339, or "".

    Returns:
        Without a time zone, which rattler takes for UTC.
    """
    if not exclude_newer:
        return None
    moment = dt.datetime.fromisoformat(exclude_newer)
    if len(exclude_newer) == len("YYYY-MM-DD"):
        moment += dt.timedelta(days=1, microseconds=-1)
    if moment.tzinfo is not None:
        moment = moment.astimezone(dt.UTC).replace(tzinfo=None)
    return moment


def virtual_packages(variables: Mapping[str, str]) -> list[VirtualPackage]:
    """What this machine provides, as far as nothing says otherwise.

    Args:
        variables: Of the specification: its CONDA_OVERRIDE_* come before those of the daemon's environment.
    """
    os.environ.update({name: value for name, value in variables.items() if name.startswith(OVERRIDE)})
    return VirtualPackage.detect(overrides=VirtualPackageOverrides.from_env())
