"""Which builds stay, and why. Pure: values in, values out.

A build goes when nothing of this holds, looked at in this order::

    current       its name leads to it
    wanted        its specification's file stands in .specs
    making        it is queued, being made or removed: the scheduler's business
    pinned        somebody pinned it
    generations   it is one of the last `keep_generations` of an environment that is not retired
    days          its name has led to it within the last `keep_days`; of one that failed: it ended then
    exported      somebody reads it as .tar or .oci
    used          a process runs from it, stands in it, or has something of it open

Both retention rules must let a build go, not one of them: who updates daily keeps `keep_days` to go back in, who
updates once a year keeps `keep_generations`.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from condafs.catalog.records import ACTIVE_STATES, BuildState
from condafs.names import BuildName, EnvironmentName

DAY_SECONDS = 86_400


class Root(StrEnum):
    """What keeps a build."""

    CURRENT = "current"
    WANTED = "wanted"
    MAKING = "making"
    PINNED = "pinned"
    GENERATIONS = "generations"
    DAYS = "days"
    EXPORTED = "exported"
    USED = "used"


@dataclass(frozen=True, slots=True)
class Policy:
    """How long builds are kept that no name leads to any more."""

    keep_generations: int
    keep_days: float


@dataclass(frozen=True, slots=True)
class Candidate:
    """What is to be known of a build.

    Attributes:
        own_bytes: What it takes beyond the package cache.
        unneeded_since: Unix seconds since when no name leads to it; of one that was never published, when it ended.
        is_current, is_wanted: Of an environment that is not retired.
        is_retired: Its environment is.
    """

    build: BuildName
    state: BuildState
    generation: int = 0
    own_bytes: int = 0
    unneeded_since: float = 0
    is_current: bool = False
    is_wanted: bool = False
    is_retired: bool = False


@dataclass(frozen=True, slots=True)
class Evidence:
    """What keeps builds whatever the policy.

    Attributes:
        pins: Build -> labels.
        uses: Build -> which processes, in words.
        exported: Builds that somebody reads an export of.
    """

    pins: Mapping[BuildName, Sequence[str]] = field(default_factory=dict)
    uses: Mapping[BuildName, Sequence[str]] = field(default_factory=dict)
    exported: Collection[BuildName] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """About one build: `root` keeps it, None lets it go. `why` is for people."""

    candidate: Candidate
    root: Root | None
    why: str

    @property
    def build(self) -> BuildName:
        """The build."""
        return self.candidate.build


def judge(candidates: Iterable[Candidate], policy: Policy, evidence: Evidence, now: float) -> list[Verdict]:
    """A verdict on each, in their order."""
    found = list(candidates)
    latest = _latest_generations(found, policy.keep_generations)
    return [_judge_one(candidate, latest, policy, evidence, now) for candidate in found]


def _latest_generations(candidates: Iterable[Candidate], count: int) -> dict[EnvironmentName, set[int]]:
    """The numbers of the last generations of each name that is not retired."""
    numbers: dict[EnvironmentName, list[int]] = defaultdict(list)
    for candidate in candidates:
        if candidate.state is BuildState.READY and not candidate.is_retired:
            numbers[candidate.build.name].append(candidate.generation)
    return {name: set(sorted(found, reverse=True)[:count]) for name, found in numbers.items()}


def _judge_one(  # noqa: PLR0911 - one for each root
    candidate: Candidate,
    latest: Mapping[EnvironmentName, Collection[int]],
    policy: Policy,
    evidence: Evidence,
    now: float,
) -> Verdict:
    build = candidate.build
    if candidate.is_current:
        return Verdict(candidate, Root.CURRENT, f"{build.name} leads to it")
    if candidate.is_wanted:
        return Verdict(candidate, Root.WANTED, f"the specification of {build.name} describes it")
    if candidate.state in ACTIVE_STATES:
        return Verdict(candidate, Root.MAKING, f"it is {candidate.state}")
    if labels := evidence.pins.get(build):
        return Verdict(candidate, Root.PINNED, f"pinned as {', '.join(labels)}")
    if candidate.state is BuildState.READY and candidate.generation in latest.get(build.name, ()):
        return Verdict(candidate, Root.GENERATIONS, f"one of the last {policy.keep_generations} generations")
    days = max(0.0, now - candidate.unneeded_since) / DAY_SECONDS
    what = "unneeded" if candidate.state is BuildState.READY else candidate.state.value
    if days < policy.keep_days:
        return Verdict(candidate, Root.DAYS, f"{what} for {days:.0f} of {policy.keep_days:g} days")
    if build in evidence.exported:
        return Verdict(candidate, Root.EXPORTED, "somebody reads it as .tar or .oci")
    if uses := evidence.uses.get(build):
        return Verdict(candidate, Root.USED, f"used by {', '.join(uses)}")
    retired = f", {build.name} is retired" if candidate.is_retired else ""
    return Verdict(candidate, None, f"{what} for {days:.0f} days{retired}")


@dataclass(frozen=True, slots=True)
class Plan:
    """What goes, in this order, and what stays."""

    doomed: tuple[Verdict, ...]
    kept: tuple[Verdict, ...]
    postponed: tuple[Verdict, ...] = ()

    @property
    def own_bytes(self) -> int:
        """What the doomed take beyond the package cache."""
        return sum(verdict.candidate.own_bytes for verdict in self.doomed)


def make_plan(verdicts: Iterable[Verdict], max_freed_bytes: int | None = None) -> Plan:
    """What goes: those that were unneeded for longest first, until enough would be free.

    Args:
        verdicts: On every build.
        max_freed_bytes: When so much is freed, the rest may stay; None: all goes that may.
    """
    kept: list[Verdict] = []
    going: list[Verdict] = []
    for verdict in verdicts:
        (kept if verdict.root else going).append(verdict)
    going.sort(key=lambda verdict: (verdict.candidate.unneeded_since, verdict.build))
    doomed, freed = [], 0
    for verdict in going:
        if max_freed_bytes is not None and freed >= max_freed_bytes:
            break
        doomed.append(verdict)
        freed += verdict.candidate.own_bytes
    return Plan(tuple(doomed), tuple(kept), tuple(going[len(doomed) :]))
