"""A catalog put together from what survived its loss. Pure.

What a build is, it says itself. Its generation is in its log; builds of which no log tells get numbers that are free,
in the order in which they were finished where that can be. A name points where the logs say that it was pointed last,
unless its file was written after that: then, as ever, where the file says. Files that describe what is not built, or
claim a name that another file has, are left out: the next start finds them new, and takes them as if they had just been
written.

A name belongs to whom the logs named last: a refused file lies in `.specs` as others do, newer ones at that, and must
not win what it was refused. Where no log tells (an older daemon made the builds, or they are lost), the name belongs to
the owner of the files that describe it. If these are several, nobody can tell which was refused: it is left to the
daemon's user, retired with all its builds, until somebody has removed the wrong files and rebuilds again.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from condafs.catalog.records import BuildRecord, BuildState, EnvironmentRecord
from condafs.catalog.transaction import Transaction
from condafs.names import EnvironmentName, SpecDigest
from condafs.scheduler.logbook import Claim
from condafs.scheduler.survivors import SurvivingBuild, SurvivingFile

_SECOND = 10**9


@dataclass(frozen=True, slots=True)
class Remembered:
    """What goes into a new catalog.

    Attributes:
        builds: With their canonical specifications, in the order in which they were finished.
        environments: Those without a file stand for retired ones, until the next start finds their files.
        files: Of environments that have one.
        contested: Names that several users' files describe, and no log says whose they are.
    """

    builds: list[tuple[BuildRecord, bytes]] = field(default_factory=list)
    environments: list[EnvironmentRecord] = field(default_factory=list)
    files: list[SurvivingFile] = field(default_factory=list)
    contested: list[EnvironmentName] = field(default_factory=list)


def remember(builds: Iterable[SurvivingBuild], files: Iterable[SurvivingFile], owner_uid: int) -> Remembered:
    """Put it together.

    Args:
        builds: Finished ones.
        files: Of `.specs`.
        owner_uid: Whose environments are of which nothing tells whose they are: the daemon's user.
    """
    by_name: dict[EnvironmentName, list[SurvivingBuild]] = defaultdict(list)
    for survivor in sorted(builds, key=lambda survivor: (survivor.finished, survivor.build)):
        by_name[survivor.build.name].append(survivor)
    described: dict[EnvironmentName, list[SurvivingFile]] = defaultdict(list)
    for file in files:
        described[file.build.name].append(file)
    remembered = Remembered()
    for name, survivors in by_name.items():
        _remember_name(remembered, name, survivors, described[name], owner_uid)
    remembered.builds.sort(key=lambda item: (item[0].finished, item[0].build))
    return remembered


def _remember_name(
    remembered: Remembered,
    name: EnvironmentName,
    survivors: Sequence[SurvivingBuild],
    files: Sequence[SurvivingFile],
    owner_uid: int,
) -> None:
    built = {survivor.build.digest: survivor for survivor in survivors}
    generations = _generations(survivors)
    claim = max((told for survivor in survivors if (told := survivor.told.claim)), key=_moment_of, default=None)
    owners = {claim.owner_uid} if claim else {file.owner_uid for file in files}
    if len(owners) > 1:
        remembered.contested.append(name)
    uid = owners.pop() if len(owners) == 1 else owner_uid
    own = [file for file in files if file.owner_uid == uid] if name not in remembered.contested else []
    claiming = max(
        (file for file in own if file.build.digest in built),
        key=lambda file: (claim is not None and file.record.file_name == claim.file_name, file.record.mtime_ns),
        default=None,
    )
    pointed = max(survivors, key=lambda survivor: (survivor.told.pointed, generations[survivor.build.digest]))
    current = pointed
    # To the second, as logs have it: who writes a file and has its build a moment later did not roll back.
    if claiming and pointed.told.pointed <= claiming.record.mtime_ns // _SECOND:
        current = built[claiming.build.digest]
    canonical = {file.build.digest: file.canonical for file in own}  # what others write may hold other credentials
    for survivor in survivors:
        record = _record(survivor, generations[survivor.build.digest], uid)
        remembered.builds.append((record, canonical.get(survivor.build.digest, survivor.specification)))
    remembered.environments.append(
        EnvironmentRecord(
            name,
            wanted=current.build.digest,
            current=current.build.digest,
            last_generation=max(generations.values()),
            file_name=claiming.record.file_name if claiming else "",
            owner_uid=uid,
            moved=current.told.pointed or current.finished,
        )
    )
    if claiming:
        remembered.files.append(claiming)


def _moment_of(claim: Claim) -> float:
    return claim.at


def _generations(survivors: Sequence[SurvivingBuild]) -> Mapping[SpecDigest, int]:
    """As logs tell them. The others are numbered in the order in which they were finished: as the first that is free
    behind the one before, or behind all where none is free up to the next; of two that tell the same, the first has it.
    """  # noqa: D205 - one thought
    found: dict[SpecDigest, int] = {}
    taken: set[int] = set()
    for survivor in survivors:
        told = survivor.told.generation
        if told and told not in taken:
            found[survivor.build.digest] = told
            taken.add(told)
    last, before = max(taken, default=0), 0
    for place, survivor in enumerate(survivors):
        digest = survivor.build.digest
        if digest not in found:
            next_told = (found[other.build.digest] for other in survivors[place:] if other.build.digest in found)
            number = before + 1
            if number in taken or number >= next(next_told, number + 1):
                number = last + 1
            found[digest] = number
            taken.add(number)
            last = max(last, number)
        before = found[digest]
    return found


def _record(survivor: SurvivingBuild, generation: int, uid: int) -> BuildRecord:
    moment = survivor.finished
    return BuildRecord(
        survivor.build,
        BuildState.READY,
        sequence=0,
        generation=generation,
        submitted=moment,
        started=moment,
        finished=moment,
        owner_uid=uid,
        size_bytes=survivor.sizes.size_bytes,
        own_bytes=survivor.sizes.own_bytes,
        package_count=survivor.package_count,
    )


def write_down(transaction: Transaction, remembered: Remembered, now: float) -> None:
    """Write all of it into an empty catalog; the journal tells of publications and of where names point.

    When names led away from builds, and who had pinned them, is lost. So the moment is written down: collections take
    no build for unneeded since before (`garbage.facts`), and people have time to pin again.
    """
    for record, specification in remembered.builds:
        transaction.now = record.finished
        transaction.put_specification(record.digest, specification)
        transaction.put_build(replace(record, sequence=transaction.next_sequence()))
    for environment in sorted(remembered.environments, key=lambda environment: environment.moved):
        transaction.now = environment.moved
        transaction.put_environment(environment)
    transaction.now = now
    transaction.note_rebuilt()
    for file in remembered.files:
        transaction.put_file(file.record)
        transaction.put_image(file.build.name, file.image)
