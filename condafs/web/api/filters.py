"""What lists can be filtered by, as conda-store's clients ask for it."""

import itertools
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Annotated, TypeAlias

from fastapi import Query

from condafs.catalog.records import BuildRecord, BuildState
from condafs.names import SpecDigest
from condafs.web.api.shapes import ARTIFACTS, EARLY_ARTIFACTS, STATUS
from condafs.web.errors import TooManyError
from condafs.web.house import House

MAX_LOOKED_INTO = 2000
"""Builds whose package lists are read for one question."""


class Status(StrEnum):
    """conda-store's states."""

    QUEUED = "QUEUED"
    BUILDING = "BUILDING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELED = "CANCELED"


class Artifact(StrEnum):
    """What conda-store's builds can be had as."""

    DIRECTORY = "DIRECTORY"
    LOCKFILE = "LOCKFILE"
    LOGS = "LOGS"
    YAML = "YAML"
    CONDA_PACK = "CONDA_PACK"
    DOCKER_MANIFEST = "DOCKER_MANIFEST"
    DOCKER_BLOB = "DOCKER_BLOB"
    CONTAINER_REGISTRY = "CONTAINER_REGISTRY"
    CONSTRUCTOR_INSTALLER = "CONSTRUCTOR_INSTALLER"


StatusQuery: TypeAlias = Annotated[Status | None, Query(description="State of the build")]
ArtifactQuery: TypeAlias = Annotated[Artifact | None, Query(description="What the build can be had as")]
PackagesQuery: TypeAlias = Annotated[
    Sequence[str], Query(max_length=20, description="Names of packages that the build has, all of them")
]


def states_of(status: Status | None) -> frozenset[BuildState]:
    """Our states for one of conda-store's; none for none."""
    if status is None:
        return frozenset()
    return frozenset(s for s, word in STATUS.items() if word == status.value and s is not BuildState.DELETING)


async def build_condition(
    house: House, packages: Sequence[str], artifact: Artifact | None
) -> Callable[[BuildRecord], bool] | None:
    """The condition that packages and artifacts are; None for none.

    Raises:
        TooManyError: Too many builds would have to be looked into.
    """
    if not packages and artifact is None:
        return None
    having = await _builds_having(house, frozenset(packages)) if packages else None

    def condition(record: BuildRecord) -> bool:
        is_ready = record.state is BuildState.READY
        if artifact is not None and artifact.value not in (ARTIFACTS if is_ready else EARLY_ARTIFACTS):
            return False
        return having is None or record.digest in having

    return condition


async def _builds_having(house: House, names: frozenset[str]) -> frozenset[SpecDigest]:
    with house.catalog.snapshot() as snapshot:
        ready = (record.build for record in snapshot.builds() if record.state is BuildState.READY)
        found = list(itertools.islice(ready, MAX_LOOKED_INTO + 1))
    if len(found) > MAX_LOOKED_INTO:
        msg = f"more than {MAX_LOOKED_INTO} builds would have to be looked into for their packages"
        raise TooManyError(msg)
    return frozenset(
        [build.digest for build in found if names <= {item.name for item in await house.packages.find(build)}]
    )
