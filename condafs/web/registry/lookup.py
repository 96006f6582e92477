"""From repositories and tags to builds: questions to one snapshot of the catalog.

Tags, of which a build has all that fit::

    latest              the current build
    3f2a9c1d77e0        any unambiguous beginning of its digest with at least 7 digits; 12 are listed
    g3                  generation 3
"""

import re
from collections.abc import Iterator

from condafs.catalog.reader import Snapshot
from condafs.errors import InvalidNameError
from condafs.names import BuildName, EnvironmentName
from condafs.repository import MAX_CHARACTERS, repository_name
from condafs.web.registry.refusals import Code, RegistryError
from condafs.web.registry.repository import Repository

LATEST = "latest"

_HASH = re.compile(r"[0-9a-f]{7,64}")
_GENERATION = re.compile(r"g([1-9][0-9]{0,8})")
_UNCHANGED = re.compile(r"[a-z0-9]+(?:[._-][a-z0-9]+)*")
"""Names that are repositories as they are, if they are not too long; quick to tell, of ten thousand names too."""


def repositories(snapshot: Snapshot) -> set[str]:
    """Those with something to pull as `latest`."""
    return {_repository_of(name) for name in snapshot.visible_names()}


def environments(snapshot: Snapshot, repository: Repository) -> Iterator[EnvironmentName]:
    """Those that a repository can mean (`foo` may be `Foo`, too), the one that is called just so first."""
    exact = _named(snapshot, repository.name)
    if exact:
        yield exact
    for name in snapshot.environment_names():
        if not _is_unchanged(name) and repository_name(name) == repository.name and name != repository.name:
            yield EnvironmentName(name)


def find(snapshot: Snapshot, repository: Repository, tag: str) -> BuildName:
    """The build that a tag stands for.

    Raises:
        RegistryError: NAME_UNKNOWN, MANIFEST_UNKNOWN.
    """
    is_known = False
    for name in environments(snapshot, repository):
        is_known = True
        if found := _find_in(snapshot, name, tag):
            return found
    if not is_known:
        raise unknown_name(repository)
    raise _unknown_tag(snapshot, repository, tag)


def unknown_name(repository: Repository) -> RegistryError:
    """There is no such repository."""
    msg = f"there is no environment for the repository {repository.text}"
    return RegistryError(Code.NAME_UNKNOWN, msg, {"name": repository.text})


def tags(snapshot: Snapshot, repository: Repository) -> set[str]:
    """Tags of a repository, the shorter ones of each build.

    Raises:
        RegistryError: NAME_UNKNOWN.
    """
    names = list(environments(snapshot, repository))
    if not names:
        raise unknown_name(repository)
    ready = [pair for name in names for pair in snapshot.ready_digests(name)]
    found = {digest.short for digest, _ in ready} | {f"g{generation}" for _, generation in ready}
    return found | ({LATEST} if any(_current(snapshot, name) for name in names) else set())


def published(snapshot: Snapshot, repository: Repository, most: int) -> list[BuildName]:
    """Builds of a repository: the current one first, then the newest generations, no more than `most`."""
    found: list[BuildName] = []
    for name in environments(snapshot, repository):
        by_generation = sorted(snapshot.ready_digests(name), key=lambda pair: -pair[1])
        current = _current(snapshot, name)
        builds = [BuildName(digest, name) for digest, _ in by_generation]
        found += sorted(builds, key=lambda build: build != current)
    return found[:most]


def _find_in(snapshot: Snapshot, name: EnvironmentName, tag: str) -> BuildName | None:
    if tag == LATEST:
        return _current(snapshot, name)
    if match := _GENERATION.fullmatch(tag):
        ready = snapshot.ready_digests(name)
        return next((BuildName(digest, name) for digest, generation in ready if generation == int(match[1])), None)
    if not _HASH.fullmatch(tag):
        return None
    found = snapshot.ready_digests(name, tag)
    if len(found) > 1:
        msg = f"the digests of {len(found)} builds of {name} begin with {tag}: give more digits"
        raise RegistryError(Code.MANIFEST_UNKNOWN, msg, {"tag": tag})
    return BuildName(found[0][0], name) if found else None


def _current(snapshot: Snapshot, name: EnvironmentName) -> BuildName | None:
    record = snapshot.environment(name)
    return BuildName(record.shown, name) if record and record.shown else None


def _unknown_tag(snapshot: Snapshot, repository: Repository, tag: str) -> RegistryError:
    detail = {"name": repository.text, "tag": tag}
    if tag != LATEST:
        msg = f"{repository.text} has no build {tag}: latest, the beginning of a digest and g1, g2, … are its tags"
        return RegistryError(Code.MANIFEST_UNKNOWN, msg, detail)
    name = next(environments(snapshot, repository))
    record = snapshot.environment(name)
    if record and record.is_retired:
        msg = f"{name} is retired: its builds can be had by their digests, and as g1, g2, …"
        return RegistryError(Code.MANIFEST_UNKNOWN, msg, detail)
    build = snapshot.build(record.wanted) if record else None
    msg = f"{name} has no build to use yet; the one that it wants is {build.state if build else 'gone'}"
    return RegistryError(Code.MANIFEST_UNKNOWN, msg, detail)


def _named(snapshot: Snapshot, text: str) -> EnvironmentName | None:
    try:
        name = EnvironmentName(text)
    except InvalidNameError:
        return None
    return name if snapshot.environment(name) else None


def _is_unchanged(name: str) -> bool:
    return len(name) <= MAX_CHARACTERS and _UNCHANGED.fullmatch(name) is not None


def _repository_of(name: str) -> str:
    return name if _is_unchanged(name) else repository_name(name)
