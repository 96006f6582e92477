"""What a user may have: limits, and whose limits are which.

A user's own entry in `quotas` counts before that of the first of her groups that has one, and that before what holds
for all; each limit for itself. Root and the daemon's user have none.

Groups may be looked up over a network, so `know` does that aside, and `limits_of` goes by what is known.
"""

import grp
import os
import pwd
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace

from condafs.config.settings import Settings

KNOWN_SECONDS = 300
"""How long the names of a user and her groups are believed."""

MOST_KNOWN = 10_000
"""Users; anybody may ask for the quotas of any number."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Of one user; None: any number.

    Attributes:
        environments: That are not retired.
        builds_per_day: Begun by submitting or touching a specification, from midnight to midnight UTC.
        own_bytes: Of published builds, beyond the package cache.
    """

    environments: int | None = None
    builds_per_day: int | None = None
    own_bytes: int | None = None

    @property
    def is_none(self) -> bool:
        """Whether there is no limit at all."""
        return all(getattr(self, item.name) is None for item in fields(self))


NO_LIMITS = Limits()


@dataclass(frozen=True, slots=True)
class Person:
    """The words by which settings name a user."""

    name: str
    groups: frozenset[str] = frozenset()


def limits_for(person: Person, common: Limits, special: Mapping[str, Mapping[str, int | None]]) -> Limits:
    """The limits of one user.

    Args:
        person: Who.
        common: What holds for all.
        special: By `user` or `@group`, in the order of the settings: what differs.
    """
    group = next((who for who in special if who.startswith("@") and who[1:] in person.groups), "")
    return replace(common, **{**special.get(group, {}), **special.get(person.name, {})})


def look_up(uid: int) -> Person:
    """Names of a user and her groups; blocking. A user without a name is called by the number."""
    try:
        entry = pwd.getpwuid(uid)
    except KeyError:
        return Person(str(uid))
    groups = set()
    for gid in os.getgrouplist(entry.pw_name, entry.pw_gid):
        try:
            groups.add(grp.getgrgid(gid).gr_name)
        except KeyError:
            continue
    return Person(entry.pw_name, frozenset(groups))


class Quotas:
    """The limits of every user.

    Args:
        settings: What they say.
        exempt: User ids without limits.
        look_up: Blocking: the names of a user.
        now: Monotonic seconds.
    """

    def __init__(
        self,
        settings: Settings,
        exempt: frozenset[int],
        look_up: Callable[[int], Person] = look_up,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._common = Limits(settings.quota_environments, settings.quota_builds_per_day, settings.quota_bytes)
        self._special = settings.quotas
        self._exempt = exempt
        self._look_up = look_up
        self._now = now
        self._known: dict[int, tuple[Limits, float]] = {}

    def is_known(self, uid: int) -> bool:
        """Whether `limits_of` needs no `know` before."""
        if not self._special or uid in self._exempt:
            return True
        found = self._known.get(uid)
        return found is not None and self._now() < found[1]

    def know(self, uid: int) -> None:
        """Look a user up; blocking, in any thread."""
        limits = limits_for(self._look_up(uid), self._common, self._special)
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known[uid] = limits, self._now() + KNOWN_SECONDS

    def limits_of(self, uid: int) -> Limits:
        """What is known of a user; what holds for all when nothing is."""
        if uid in self._exempt:
            return NO_LIMITS
        found = self._known.get(uid)
        return found[0] if found else self._common
