"""What a text under the root means: pure questions to one snapshot of the catalog.

::

    foo                    the current build of an environment that is not retired
    foo@3f2a               the build whose digest begins with 3f2a, git-like
    foo@-1                 the generation before the current one, -2 the one before that
    <64 hex digits>-foo    that build
"""

import re
from collections.abc import Sequence
from pathlib import PurePath

from condafs.catalog.records import ACTIVE_STATES, BuildRecord, BuildState, EnvironmentRecord
from condafs.errors import AmbiguousDigestError, InvalidNameError, NotFoundError
from condafs.names import BUILD, DIGEST_PREFIX, BuildName, EnvironmentName, SpecDigest
from condafs.tree.sources import Snapshot

_STEPS_BACK = re.compile(r"-([1-9][0-9]{0,8})")
_GENERATION_LINK = re.compile(r"([1-9][0-9]*)-([0-9a-f]{1,64})")

CANCELLABLE_STATES = ACTIVE_STATES - {BuildState.DELETING}
ENDED_STATES = frozenset({BuildState.FAILED, BuildState.CANCELLED, BuildState.SUPERSEDED})


def find_environment(snapshot: Snapshot, text: str) -> EnvironmentRecord | None:
    """The environment of that name, retired or not; None for what is no name at all."""
    try:
        return snapshot.environment(EnvironmentName(text))
    except InvalidNameError:
        return None


def current_build(snapshot: Snapshot, name: EnvironmentName) -> BuildName | None:
    """What `/envs/<name>` points at."""
    record = snapshot.environment(name)
    return BuildName(record.shown, name) if record and record.shown else None


def resolve(snapshot: Snapshot, text: str) -> BuildName:
    """The published build that a name, a reference or a build's name stands for.

    Raises:
        InvalidNameError: The text has none of the forms.
        NotFoundError: Nothing published is called so.
        AmbiguousDigestError: Several builds' digests begin so.
    """
    if BUILD.fullmatch(text):
        build = BuildName.parse(text)
        record = snapshot.build(build.digest)
        found = build if record is not None and record.build == build and record.state is BuildState.READY else None
    elif "@" in text:
        name, _, reference = text.partition("@")
        found = _resolve_reference(snapshot, EnvironmentName(name), reference)
    else:
        found = current_build(snapshot, EnvironmentName(text))
    if found is None:
        msg = f"there is no build {text}"
        raise NotFoundError(msg)
    return found


def _resolve_reference(snapshot: Snapshot, name: EnvironmentName, reference: str) -> BuildName | None:
    if match := _STEPS_BACK.fullmatch(reference):
        return _steps_back(snapshot, name, int(match[1]))
    if not DIGEST_PREFIX.fullmatch(reference):
        msg = f"{reference!r} is neither the beginning of a digest nor -1, -2, ..."
        raise InvalidNameError(msg)
    found = snapshot.ready_digests(name, reference)
    if len(found) > 1:
        msg = f"the digests of {len(found)} builds of {name} begin with {reference}: give more digits"
        raise AmbiguousDigestError(msg)
    return BuildName(found[0][0], name) if found else None


def _steps_back(snapshot: Snapshot, name: EnvironmentName, steps: int) -> BuildName | None:
    record = snapshot.environment(name)
    if record is None or record.current is None:
        return None
    by_generation = [digest for digest, _ in sorted(snapshot.ready_digests(name), key=lambda pair: pair[1])]
    position = by_generation.index(record.current) if record.current in by_generation else -1
    return BuildName(by_generation[position - steps], name) if steps <= position else None


def find_unpublished(snapshot: Snapshot, text: str) -> BuildRecord | None:
    """The build without files that a text names, which `rm` cancels or forgets; None when there is not just one.

    `<build>` is one in the making or one that came to nothing, `foo@<digits>` one in the making.
    """
    name, separator, reference = text.partition("@")
    try:
        if not separator:
            build = BuildName.parse(text)
            candidates, states = [snapshot.build(build.digest)], CANCELLABLE_STATES | ENDED_STATES
            name = build.name.text
        elif DIGEST_PREFIX.fullmatch(reference):
            of_name = snapshot.builds_of(EnvironmentName(name))
            candidates = [record for record in of_name if record.digest.hex.startswith(reference)]
            states = CANCELLABLE_STATES
        else:
            return None
    except InvalidNameError:
        return None
    found = [r for r in candidates if r is not None and r.name.text == name and r.state in states]
    return found[0] if len(found) == 1 else None


def resolve_target(snapshot: Snapshot, target: str, places: Sequence[PurePath]) -> BuildName:
    """The build that the target of a symbolic link in the root means.

    Args:
        snapshot: The catalog.
        target: `foo@3f2a`, `foo@-1`, a build's name, `.history/foo/3-3f2a9c1d77e0`, or one of these below a place.
        places: Absolute directories that count as the root: where it is mounted, and where the builds are.

    Raises:
        InvalidNameError, NotFoundError, AmbiguousDigestError: As `resolve`.
    """
    path = PurePath(target)
    if path.is_absolute():
        place = next((place for place in places if path.is_relative_to(place)), None)
        if place is None:
            msg = f"{target} is no build: it lies outside of the mount"
            raise InvalidNameError(msg)
        path = path.relative_to(place)
    parts = path.parts
    if len(parts) == 1:
        return resolve(snapshot, parts[0])
    if len(parts) == 3 and parts[0] == ".history":  # noqa: PLR2004 - .history, name, link
        return BuildName(resolve_generation(snapshot, EnvironmentName(parts[1]), parts[2]), EnvironmentName(parts[1]))
    msg = f"{target} is no build"
    raise InvalidNameError(msg)


def resolve_generation(snapshot: Snapshot, name: EnvironmentName, link: str) -> SpecDigest:
    """The digest that `.history/<name>/<link>` stands for.

    Raises:
        NotFoundError: No such generation is published.
    """
    if match := _GENERATION_LINK.fullmatch(link):
        for digest, generation in snapshot.ready_digests(name, match[2]):
            if generation == int(match[1]):
                return digest
    msg = f"{name} has no generation {link}"
    raise NotFoundError(msg)


def generation_link(digest: SpecDigest, generation: int) -> str:
    """`3-3f2a9c1d77e0`."""
    return f"{generation}-{digest.short}"
