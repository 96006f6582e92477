"""Whose an environment is, and who may do what with it.

The owner of an environment is the owner of the file that describes it, and its builds are hers. A name stays hers when
it is retired, for people run what it leads to: it is free when its last build is gone, and root can give it away at any
time (`chown` of the file). The kernel checks what it knows: modes, owners and the sticky bit of what the mount shows.
What is here it cannot know: names that lead nowhere at the moment, files that describe another name than their own,
attributes that have changed since it asked for them.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from condafs.catalog.events import DAEMON
from condafs.catalog.records import EnvironmentRecord
from condafs.catalog.transaction import Transaction
from condafs.config.quotas import NO_LIMITS, Limits
from condafs.errors import NotYoursError
from condafs.names import EnvironmentName


def _no_limits(uid: int) -> Limits:
    del uid
    return NO_LIMITS


@dataclass(frozen=True, slots=True)
class Policy:
    """Who may do everything, and what others may have.

    Attributes:
        privileged: Root, the daemon's user, and the daemon itself.
        limits_of: The limits of a user.
    """

    privileged: frozenset[int] = frozenset({DAEMON.uid, 0})
    limits_of: Callable[[int], Limits] = _no_limits

    def may_act_for(self, uid: int, owner_uid: int) -> bool:
        """Whether a user may do what is the owner's to do."""
        return uid == owner_uid or uid in self.privileged


POLICY = Policy()
"""For programs that serve nobody but root."""


def require_owner(transaction: Transaction, name: EnvironmentName, policy: Policy) -> None:
    """Raise NotYoursError unless the transaction's author may steer an environment."""
    environment = transaction.environment(name)
    if environment and not policy.may_act_for(transaction.author.uid, environment.owner_uid):
        msg = f"{name} belongs to {{owner}}: only its owner or root may do that"
        raise NotYoursError(msg, environment.owner_uid)


def find_other_owner(environment: EnvironmentRecord | None, owner_uid: int, policy: Policy) -> NotYoursError | None:
    """What is wrong when a file of that owner describes an environment."""
    if environment is None or policy.may_act_for(owner_uid, environment.owner_uid):
        return None
    name = environment.name
    msg = f"the environment {name} belongs to {{owner}}: give this one another name"
    if environment.is_retired:
        msg = (
            f"the name {name} belongs to {{owner}}: the environment is retired, but builds of it are there. "
            "Give this one another name; the name is free when they are removed, which {owner} and root can do"
        )
    return NotYoursError(msg, environment.owner_uid)


def give(transaction: Transaction, environment: EnvironmentRecord, uid: int) -> EnvironmentRecord:
    """An environment has another owner from now on, and so have its builds."""
    if environment.owner_uid == uid:
        return environment
    after = replace(environment, owner_uid=uid)
    transaction.put_environment(after)
    for build in transaction.builds_of(environment.name):
        transaction.put_build(replace(build, owner_uid=uid))
    return after
