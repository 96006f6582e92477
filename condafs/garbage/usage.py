"""What takes the disk, and what would be free without it. Pure.

Every byte below the state directory is a build's own (files of one name: what was patched, compiled or installed by
pip), or is in the package cache, where it is once, however many builds link to it. So nobody has to walk the builds: a
build's own bytes were counted when it was sealed, and what it shares is told by the packages it has.
"""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Holding:
    """One build, or several that are looked at as one: `owner` says which belong together."""

    owner: str
    size_bytes: int
    own_bytes: int
    distributions: Collection[str]


@dataclass(frozen=True, slots=True)
class Usage:
    """What one owner takes.

    Attributes:
        builds: How many.
        apparent_bytes: Of all files, as if each build stood alone.
        unique_bytes: Of files that nobody else has: free at once without it.
        package_bytes: Of packages in the cache that no other owner has: free once they are collected.
    """

    owner: str
    builds: int
    apparent_bytes: int
    unique_bytes: int
    package_bytes: int


@dataclass(frozen=True, slots=True)
class Disk:
    """All of it.

    Attributes:
        usages: By owner, those first without whom most would be free.
        shared_bytes: Of packages that several owners have.
        unused_bytes: Of packages that nobody has.
        other_bytes: Of what else is in the package cache.
    """

    usages: tuple[Usage, ...]
    shared_bytes: int
    unused_bytes: int
    other_bytes: int = 0

    @property
    def cache_bytes(self) -> int:
        """The package cache."""
        mine = sum(usage.package_bytes for usage in self.usages)
        return mine + self.shared_bytes + self.unused_bytes + self.other_bytes

    @property
    def total_bytes(self) -> int:
        """Builds and package cache, each file counted once."""
        return self.cache_bytes + sum(usage.unique_bytes for usage in self.usages)


def add_up(holdings: Iterable[Holding], packages: Mapping[str, int], other_bytes: int = 0) -> Disk:
    """Who takes what.

    Args:
        holdings: Every build.
        packages: Distribution -> bytes in the cache.
        other_bytes: Of what else is in the cache.
    """
    owners: dict[str, set[str]] = defaultdict(set)
    builds, apparent, unique = Counter[str](), Counter[str](), Counter[str]()
    for holding in holdings:
        builds[holding.owner] += 1
        apparent[holding.owner] += holding.size_bytes
        unique[holding.owner] += holding.own_bytes
        for distribution in holding.distributions:
            owners[distribution].add(holding.owner)
    sole, shared, unused = Counter[str](), 0, 0
    for distribution, size in packages.items():
        match list(owners.get(distribution, ())):
            case []:
                unused += size
            case [owner]:
                sole[owner] += size
            case _:
                shared += size
    usages = [Usage(owner, builds[owner], apparent[owner], unique[owner], sole[owner]) for owner in builds]
    usages.sort(key=lambda usage: (-usage.unique_bytes - usage.package_bytes, usage.owner))
    return Disk(tuple(usages), shared, unused, other_bytes)
