"""Finished builds on the disk that the catalog does not know: the sign of one that is lost, or older than they are.

Nobody can tell them from rubbish but by their markers, and what a lost catalog does not know must not be removed, nor
built again over it. So the daemon does not start with a catalog that is older than a build; a single stray that is
older than the catalog (a crash undid its removal) is left alone.
"""

import logging
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

from condafs.catalog.errors import rebuild_advice
from condafs.catalog.reader import Snapshot
from condafs.catalog.records import ACTIVE_STATES, BuildState
from condafs.catalog.store import Catalog
from condafs.errors import CatalogError, InvalidNameError
from condafs.names import BuildName
from condafs.prefix.layout import MARKER
from condafs.prefix.marker import is_finished, read_marker

logger = logging.getLogger(__name__)

SLACK_SECONDS = 60
"""A build that is finished and then cancelled may say a moment that is a little later than the catalog's."""

_NAMED = 3


def require_catalog_of(builds: Path, catalog: Path) -> None:
    """There are no finished builds without a catalog; nothing is made here.

    Raises:
        CatalogError: There are.
    """
    data = catalog / "data.mdb"
    if data.exists() and data.stat().st_size:
        return
    if found := [build for build in named_builds(builds) if is_finished(builds / str(build))]:
        msg = f"the catalog {catalog} is lost, and there are {_some(found)} in {builds}. {rebuild_advice(catalog)}"
        raise CatalogError(msg)


def require_known_builds(builds: Path, catalog: Catalog) -> None:
    """The catalog is not older than any finished build.

    Raises:
        CatalogError: It is.
    """
    with catalog.snapshot() as snapshot:
        strays = list(find_strays(builds, snapshot))
        last = last_moment(snapshot)
    newer = [build for build, _ in strays if _finished(builds / str(build)) > last + SLACK_SECONDS]
    if newer:
        advice = rebuild_advice(catalog.path)
        msg = f"the catalog does not know {_some(newer)} in {builds}: it is older than they are. {advice}"
        raise CatalogError(msg)
    for build, is_known in strays:
        if not is_known:  # else it was given up in its last moment, and is cleared away
            logger.warning("%s is finished, and the catalog does not know it: it is left alone in %s", build, builds)


def named_builds(builds: Path) -> Iterator[BuildName]:
    """Builds by the names of directories, finished or not."""
    return _builds_among(_names_in(builds))


def _names_in(builds: Path) -> list[str]:
    try:
        return os.listdir(builds)  # noqa: PTH208 - names are wanted, a hundred thousand at times
    except FileNotFoundError:
        return []


def _builds_among(names: Iterable[str]) -> Iterator[BuildName]:
    for name in names:
        try:
            yield BuildName.parse(name)
        except InvalidNameError:
            continue


def find_strays(builds: Path, snapshot: Snapshot) -> Iterator[tuple[BuildName, bool]]:
    """Finished builds that the catalog has no use for, and whether it knows them at all."""
    for build in _builds_among(snapshot.not_ready(_names_in(builds))):
        if is_finished(builds / str(build)):
            record = snapshot.build(build.digest)
            if record is None or record.state not in ACTIVE_STATES | {BuildState.READY}:
                yield build, record is not None


def last_moment(snapshot: Snapshot) -> float:
    """When the last thing happened that the catalog knows of, in Unix seconds; 0 when it knows nothing."""
    last = snapshot.last_event()
    return max((event.at for event in snapshot.events(last - 1)), default=0.0)


def _finished(prefix: Path) -> float:
    try:
        marker = read_marker(prefix)
    except ValueError:
        return (prefix / MARKER).stat().st_mtime
    return marker.finished if marker else 0.0


def _some(builds: Sequence[BuildName]) -> str:
    """`3 finished builds (foo@3f2a9c1d77e0, …)`."""
    names = ", ".join(f"{build.name}@{build.digest.short}" for build in builds[:_NAMED])
    more = ", …" if len(builds) > _NAMED else ""
    return f"{len(builds)} finished build{'s' * (len(builds) > 1)} ({names}{more})"
