"""What `gc` found and did, told to people and to programs."""

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from condafs.cli.house import House
from condafs.cli.terminal import print_table, remarks
from condafs.garbage.packages import Removed, Spare
from condafs.garbage.policy import Plan, Root, Verdict
from condafs.garbage.sweep import Swept
from condafs.names import BuildName
from condafs.wording import size_text

_LOUD = (Root.PINNED, Root.USED, Root.EXPORTED)
"""What keeps a build that the policy would let go; each is told."""


@dataclass(slots=True)
class Collection:
    """One run of `gc`, as far as it has come."""

    plan: Plan
    spare: list[Spare]
    logs: list[Path]
    swept: Swept = field(default_factory=Swept)
    cache: Removed = field(default_factory=Removed)
    remarks: list[str] = field(default_factory=list)


def tell(found: Collection, *, is_dry: bool, is_quiet: bool) -> None:
    """For people: a table of what went or would go, then what stays and why."""
    going = found.plan.doomed if is_dry else found.swept.removed
    if going and not is_quiet:
        print_table(("BUILD", "GEN", "SIZE", "WHY"), map(_row, going), right=("GEN", "SIZE"))
    for build, why in found.swept.refused:
        remarks().print(f"{_short(build)} could not be deleted: {why}")
    if not is_quiet:
        for build, why in found.swept.spared:
            remarks().print(f"kept {_short(build)}: {why}")
        for verdict in found.plan.kept:
            if verdict.root in _LOUD:
                remarks().print(f"kept {_short(verdict.build)}: {verdict.why}")
        remarks().print(_kept_text(found.plan))
    for remark in found.remarks:
        remarks().print(remark)
    if not is_quiet or going or found.cache.count:
        remarks().print(_summary(found, is_dry=is_dry))


def _row(verdict: Verdict) -> list[str]:
    candidate = verdict.candidate
    return [_short(verdict.build), str(candidate.generation or ""), size_text(candidate.own_bytes), verdict.why]


def _short(build: BuildName) -> str:
    return f"{build.name}@{build.digest.short}"


def _kept_text(plan: Plan) -> str:
    """`kept: 12 builds (4 current, 7 generations, 1 pinned)`."""
    counts = Counter(verdict.root for verdict in plan.kept if verdict.root)
    told = ", ".join(f"{counts[root]} {root}" for root in Root if counts[root])
    postponed = f"; {len(plan.postponed)} more may go" if plan.postponed else ""
    return f"kept: {len(plan.kept)} builds{f' ({told})' if told else ''}{postponed}"


def _summary(found: Collection, *, is_dry: bool) -> str:
    builds = len(found.plan.doomed if is_dry else found.swept.removed)
    parts = len(found.spare) if is_dry else found.cache.count
    freed = _freed(found, is_dry=is_dry)
    verb = "would go" if is_dry else "removed"
    return f"{verb}: {builds} builds, {parts} unused parts of the package cache; about {size_text(freed)}"


def _freed(found: Collection, *, is_dry: bool) -> int:
    if is_dry:
        return found.plan.own_bytes + sum(item.size_bytes for item in found.spare)
    return found.swept.own_bytes + found.cache.freed_bytes


Action = Literal["delete", "deleted", "keep", "postpone"]


def describe(house: House, found: Collection, *, is_dry: bool) -> dict[str, Any]:
    """For programs: every build with what became of it."""
    removed = {verdict.build for verdict in found.swept.removed}
    late = dict(found.swept.spared) | dict(found.swept.refused)
    builds = [_build_document(verdict, "keep") for verdict in found.plan.kept]
    for verdict in found.plan.doomed:
        action: Action = "delete" if is_dry else "deleted" if verdict.build in removed else "keep"
        builds.append(_build_document(verdict, action))
        if why := late.get(verdict.build):
            builds[-1]["why"] = why
    builds += [_build_document(verdict, "postpone") for verdict in found.plan.postponed]
    return {
        "mount": str(house.envs.mount),
        "state": str(house.settings.state),
        "dry_run": is_dry,
        "keep_generations": house.settings.gc_keep_generations,
        "keep_days": house.settings.gc_keep_days,
        "keep_packages_days": house.settings.gc_keep_packages_days,
        "builds": builds,
        "cache": [{"path": str(s.path), "sort": s.sort, "size_bytes": s.size_bytes} for s in found.spare],
        "cache_removed": found.cache.count,
        "freed_bytes": _freed(found, is_dry=is_dry),
        "remarks": found.remarks,
        "refused": [{"build": str(build), "why": why} for build, why in found.swept.refused],
    }


def _build_document(verdict: Verdict, action: Action) -> dict[str, Any]:
    candidate = verdict.candidate
    return {
        "build": str(verdict.build),
        "name": verdict.build.name.text,
        "state": candidate.state.value,
        "generation": candidate.generation,
        "action": action,
        "root": verdict.root.value if verdict.root else "",
        "why": verdict.why,
        "own_bytes": candidate.own_bytes,
    }
