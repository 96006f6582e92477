"""What users have and may have: counted anew, builds of the day, and what is wrong with one more.

A user pays for the environments that are hers, for the published builds of these, and for every build that is begun
because she submitted or touched a specification. What exists already, or is under way, costs nothing more.
"""

from collections import Counter
from dataclasses import replace

from condafs.catalog.reader import Snapshot
from condafs.catalog.records import UsageRecord
from condafs.catalog.transaction import Transaction
from condafs.config.quotas import Limits
from condafs.errors import QuotaError
from condafs.names import SpecDigest
from condafs.wording import seconds_text, size_text

DAY_SECONDS = 86_400


def day_of(now: float) -> int:
    """The day, UTC, that a moment (Unix seconds) belongs to, as `UsageRecord` counts days."""
    return int(now // DAY_SECONDS)


def count_build(transaction: Transaction, uid: int, now: float) -> None:
    """A build is begun for a user."""
    used, day = transaction.usage(uid), day_of(now)
    transaction.put_usage(replace(used, day=day, builds=used.builds_on(day) + 1))


def count_anew(transaction: Transaction) -> None:
    """Count what everybody has. At the start: an older daemon, which does not count, may have been at work.

    Builds are their environment's owner's from here on; names have changed hands without them in older catalogs.
    """
    owners: dict[str, int] = {}
    environments: Counter[int] = Counter()
    for name, uid, is_retired in transaction.owners():
        owners[name] = uid
        environments[uid] += not is_retired
    own_bytes: Counter[int] = Counter()
    strangers: list[tuple[bytes, int]] = []
    for digest, name, is_ready, uid, size in transaction.costs():
        owner = owners.get(name, uid)
        if owner != uid:
            strangers.append((digest, owner))
        if is_ready:
            own_bytes[owner] += size
    for digest, owner in strangers:
        if build := transaction.build(SpecDigest(digest.hex())):
            transaction.put_build(replace(build, owner_uid=owner))
    before = {record.uid: record for record in transaction.usages()}
    for uid in before.keys() | environments.keys() | own_bytes.keys():
        known = before.get(uid, UsageRecord(uid))
        transaction.put_usage(replace(known, environments=environments[uid], own_bytes=own_bytes[uid]))


def used_up(used: UsageRecord, limits: Limits, now: float, *, environments: int = 1, builds: int = 1) -> str:
    """What stands against so many more environments and builds, in words for whoever has them; "" when nothing does."""
    problems = []
    if environments > 0 and _is_over(used.environments + environments, limits.environments):
        problems.append(
            f"you have {used.environments} of {limits.environments} environments (quota-environments): "
            "retire one that you need no more, by removing its file from .specs"
        )
    begun = used.builds_on(day_of(now))
    if builds > 0 and _is_over(begun + builds, limits.builds_per_day):
        rest = seconds_text(DAY_SECONDS - now % DAY_SECONDS)
        problems.append(
            f"you began {begun} of {limits.builds_per_day} builds of today (quota-builds-per-day): "
            f"the next day begins at midnight UTC, in {rest}. What was built before can be submitted again at any time"
        )
    if builds > 0 and _is_over(used.own_bytes + 1, limits.own_bytes):
        problems.append(
            f"your builds take {size_text(used.own_bytes)} of {size_text(limits.own_bytes)} (quota-bytes): "
            "remove builds that you need no more (rm foo@3f2a9c1d77e0 in the mount), or retire environments and let "
            "condafs gc collect them"
        )
    return "; ".join(problems) + ". An administrator can allow you more." if problems else ""


def find_excess(  # noqa: PLR0913 - who has what, and what is to come
    snapshot: Snapshot, uid: int, limits: Limits, now: float, *, environments: int = 0, builds: int = 0
) -> QuotaError | None:
    """What is wrong with so many more environments and builds of a user."""
    if limits.is_none or (environments <= 0 and builds <= 0):
        return None
    text = used_up(snapshot.usage(uid), limits, now, environments=environments, builds=builds)
    return QuotaError(text) if text else None


def _is_over(amount: int, limit: int | None) -> bool:
    return limit is not None and amount > limit
