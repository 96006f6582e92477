"""What the catalog knows that decides about builds: from one snapshot to the values that `policy` judges."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import replace

from condafs.catalog.events import EventKind, EventRecord
from condafs.catalog.reader import Snapshot
from condafs.catalog.records import BuildRecord, BuildState, EnvironmentRecord
from condafs.garbage.policy import Candidate
from condafs.names import BuildName, EnvironmentName, SpecDigest


def read_candidates(snapshot: Snapshot) -> list[Candidate]:
    """Every build that is known, by name and then in order of submission.

    A rebuilt catalog does not know when names led away from builds: they may have been needed until then.
    """
    by_name: dict[EnvironmentName, list[BuildRecord]] = defaultdict(list)
    for record in snapshot.builds():
        by_name[record.name].append(record)
    found = []
    for name in sorted(by_name):
        environment = snapshot.environment(name)
        records = sorted(by_name[name], key=lambda record: record.sequence)
        left = times_of_leaving(snapshot.events_of(name))
        found += [describe(record, environment, records, left) for record in records]
    rebuilt = snapshot.rebuilt
    return [replace(candidate, unneeded_since=max(candidate.unneeded_since, rebuilt)) for candidate in found]


def read_pins(snapshot: Snapshot) -> dict[BuildName, list[str]]:
    """Build -> labels of its pins."""
    found: dict[BuildName, list[str]] = defaultdict(list)
    for pin in snapshot.pins():
        if record := snapshot.build(pin.digest):
            found[record.build].append(pin.label)
    return found


def times_of_leaving(events: Iterable[EventRecord]) -> dict[SpecDigest, float]:
    """When a name last led away from each build that it had led to, as far as the journal of that name remembers."""
    left: dict[SpecDigest, float] = {}
    current: SpecDigest | None = None
    for event in events:
        if event.kind in (EventKind.MOVED, EventKind.RETIRED):
            if current:
                left[current] = event.at
            current = event.digest if event.kind is EventKind.MOVED else None
    return left


def describe(
    record: BuildRecord,
    environment: EnvironmentRecord | None,
    siblings: Sequence[BuildRecord],
    left: dict[SpecDigest, float],
) -> Candidate:
    """One build.

    Args:
        record: Its record.
        environment: Whose it is.
        siblings: All builds of that name.
        left: When the name led away from each.
    """
    is_alive = environment is not None and not environment.is_retired
    return Candidate(
        record.build,
        record.state,
        record.generation,
        record.own_bytes if record.state is BuildState.READY else 0,
        _unneeded_since(record, environment, siblings, left),
        is_current=is_alive and environment is not None and environment.current == record.digest,
        is_wanted=is_alive and environment is not None and environment.wanted == record.digest,
        is_retired=not is_alive,
    )


def _unneeded_since(
    record: BuildRecord,
    environment: EnvironmentRecord | None,
    siblings: Sequence[BuildRecord],
    left: dict[SpecDigest, float],
) -> float:
    """What the journal has forgotten is estimated: a build was needed until the next generation was finished.

    That may be too early, where a name was rolled back later. Of a rebuilt catalog see `read_candidates`.
    """
    ended = max(record.submitted, record.finished)
    if record.state is not BuildState.READY:
        return ended
    if record.digest in left:
        return max(ended, left[record.digest])
    later = [other.finished for other in siblings if other.generation > record.generation]
    return max(ended, min(later) if later else environment.moved if environment else 0)
