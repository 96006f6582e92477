from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from condafs.catalog.records import ACTIVE_STATES, BuildState
from condafs.garbage.policy import DAY_SECONDS, Candidate, Evidence, Policy, Root, judge, make_plan
from condafs.names import BuildName, EnvironmentName, SpecDigest

NOW = 1_000 * DAY_SECONDS
POLICY = Policy(2, 30)


def build(number: int, name: str = "foo") -> BuildName:
    return BuildName(SpecDigest(f"{number:064x}"), EnvironmentName(name))


def old(number: int, generation: int = 1, **fields: object) -> Candidate:
    """A published build that nothing but what the test says keeps."""
    candidate = Candidate(build(number), BuildState.READY, generation, 100, NOW - 100 * DAY_SECONDS)
    return replace(candidate, **fields)  # type: ignore[arg-type]


def newer_generations() -> list[Candidate]:
    return [old(number, number) for number in (98, 99)]


def root_of(candidate: Candidate, evidence: Evidence | None = None) -> Root | None:
    return judge([candidate, *newer_generations()], POLICY, evidence or Evidence(), NOW)[0].root


def test_what_nothing_keeps_goes() -> None:
    assert root_of(old(1)) is None


@pytest.mark.parametrize(
    ("fields", "root"),
    [
        ({"is_current": True}, Root.CURRENT),
        ({"is_wanted": True, "state": BuildState.FAILED}, Root.WANTED),
        ({"state": BuildState.QUEUED}, Root.MAKING),
        ({"state": BuildState.BUILDING}, Root.MAKING),
        ({"state": BuildState.DELETING}, Root.MAKING),
        ({"generation": 100}, Root.GENERATIONS),
        ({"unneeded_since": NOW - 29 * DAY_SECONDS}, Root.DAYS),
        ({"state": BuildState.FAILED, "unneeded_since": NOW - 29 * DAY_SECONDS}, Root.DAYS),
    ],
)
def test_each_root_keeps(fields: dict[str, object], root: Root) -> None:
    assert root_of(old(1, **fields)) is root


def test_what_is_pinned_used_or_exported_stays_and_says_why() -> None:
    first = build(1)
    cases: list[tuple[Evidence, Root, str]] = [
        (Evidence(pins={first: ["paper"]}), Root.PINNED, "pinned as paper"),
        (Evidence(uses={first: ["python (7)"]}), Root.USED, "used by python (7)"),
        (Evidence(exported={first}), Root.EXPORTED, "somebody reads it as .tar or .oci"),
    ]
    for evidence, root, why in cases:
        verdict = judge([old(1), *newer_generations()], POLICY, evidence, NOW)[0]
        assert (verdict.root, verdict.why) == (root, why)


def test_both_retention_rules_must_let_it_go() -> None:
    many = [
        old(number, number, unneeded_since=NOW - age * DAY_SECONDS)
        for number, age in ((1, 90), (2, 31), (3, 5), (4, 0))
    ]
    assert [v.root for v in judge(many, POLICY, Evidence(), NOW)] == [None, None, Root.GENERATIONS, Root.GENERATIONS]
    assert [v.root for v in judge(many, Policy(0, 30), Evidence(), NOW)] == [None, None, Root.DAYS, Root.DAYS]
    assert [v.root for v in judge(many, Policy(3, 0), Evidence(), NOW)] == [None, *[Root.GENERATIONS] * 3]


def test_generations_are_counted_by_environment() -> None:
    other = old(1, build=build(1, "bar"))
    assert root_of(other) is Root.GENERATIONS


def test_the_last_generations_of_a_retired_environment_go_as_the_others() -> None:
    verdict = judge([old(1, 100, is_retired=True)], POLICY, Evidence(), NOW)[0]
    assert verdict.root is None
    assert "foo is retired" in verdict.why


def test_what_was_unneeded_for_longest_goes_first_until_enough_is_free() -> None:
    candidates = [old(n, n, is_retired=True, unneeded_since=NOW - (100 + n) * DAY_SECONDS) for n in (1, 2, 3)]
    verdicts = judge(candidates, POLICY, Evidence(), NOW)
    assert [v.candidate.generation for v in make_plan(verdicts).doomed] == [3, 2, 1]
    limited = make_plan(verdicts, 101)
    assert [v.candidate.generation for v in limited.doomed] == [3, 2]
    assert [v.candidate.generation for v in limited.postponed] == [1]
    assert limited.own_bytes == 200
    assert make_plan(verdicts, 0).doomed == ()


NUMBERS = st.integers(1, 12)
CANDIDATES = st.lists(
    st.builds(
        Candidate,
        st.builds(build, NUMBERS, st.sampled_from(["foo", "bar"])),
        st.sampled_from(BuildState),
        st.integers(0, 12),
        st.integers(0, 1000),
        st.floats(0, NOW),
        is_current=st.booleans(),
        is_wanted=st.booleans(),
        is_retired=st.booleans(),
    ),
    unique_by=lambda candidate: candidate.build,
)
BUILDS = st.sets(st.builds(build, NUMBERS, st.sampled_from(["foo", "bar"])))


def _is_among_last(candidate: Candidate, everything: list[Candidate], count: int) -> bool:
    later = [
        other
        for other in everything
        if other.build.name == candidate.build.name
        and other.state is BuildState.READY
        and not other.is_retired
        and other.generation > candidate.generation
    ]
    return candidate.state is BuildState.READY and not candidate.is_retired and len(later) < count


@given(CANDIDATES, BUILDS, BUILDS, BUILDS, st.integers(0, 5), st.floats(0, 2000), st.none() | st.integers(0, 3000))
def test_a_sweep_never_takes_a_reachable_build(  # noqa: PLR0913, PLR0917 - all that can keep one
    candidates: list[Candidate],
    pinned: set[BuildName],
    used: set[BuildName],
    exported: set[BuildName],
    generations: int,
    days: float,
    limit: int | None,
) -> None:
    evidence = Evidence(dict.fromkeys(pinned, ("x",)), dict.fromkeys(used, ("y",)), exported)
    verdicts = judge(candidates, Policy(generations, days), evidence, NOW)
    plan = make_plan(verdicts, limit)
    together = [verdict.build for part in (plan.doomed, plan.kept, plan.postponed) for verdict in part]
    assert sorted(together) == sorted(candidate.build for candidate in candidates)
    reachable: list[Callable[[Candidate], bool]] = [
        lambda c: c.is_current or c.is_wanted,
        lambda c: c.state in ACTIVE_STATES,
        lambda c: c.build in pinned | used | exported,
        lambda c: NOW - c.unneeded_since < days * DAY_SECONDS,
        lambda c: _is_among_last(c, candidates, generations),
    ]
    for verdict in plan.doomed:
        assert not [rule for rule in reachable if rule(verdict.candidate)]
    for verdict in plan.kept:
        assert any(rule(verdict.candidate) for rule in reachable), "nothing stays without a reason"
