"""The package cache's share of a collection: what no environment has, with a grace that a full disk ends. Blocking."""

from collections.abc import Collection
from pathlib import Path

from condafs.builder.cache_sweep import Removed, Spare, find_spare, needed_distributions, remove_spare
from condafs.catalog.records import BuildState
from condafs.catalog.store import Catalog
from condafs.garbage.policy import DAY_SECONDS

__all__ = ["PackageCache", "Removed", "Spare"]


class PackageCache:
    """The cache of one state directory.

    Args:
        catalog: Says which builds are to go.
        builds: Directory of the prefixes.
        packages: The cache.
    """

    def __init__(self, catalog: Catalog, builds: Path, packages: Path) -> None:
        self._catalog = catalog
        self._builds = builds
        self._packages = packages

    def find(self, now: float, keep_days: float, doomed: Collection[str] = ()) -> list[Spare]:
        """What would go.

        Args:
            now: Unix seconds.
            keep_days: How long what nobody uses stays. What a build that is `doomed` has is used until it is gone, so
                it counts only where nothing stays.
            doomed: Names of builds that are about to be deleted.
        """
        without = set(doomed) if keep_days == 0 else set()
        return find_spare(self._packages, self._needed(without), now - keep_days * DAY_SECONDS)

    def remove(self, spare: list[Spare]) -> Removed:
        """Let it go, if nobody builds.

        Raises:
            PermissionError: The cache belongs to somebody else.
        """
        return remove_spare(self._packages, spare, lambda: self._needed(set()))

    def _needed(self, without: set[str]) -> set[str]:
        with self._catalog.snapshot() as snapshot:
            going = {str(record.build) for record in snapshot.active() if record.state is BuildState.DELETING}
        return needed_distributions(self._builds, going | without)
