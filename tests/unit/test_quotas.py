"""Whose limits are which."""

from pathlib import Path

import pytest

from condafs.config import Settings
from condafs.config.quotas import KNOWN_SECONDS, NO_LIMITS, Limits, Person, Quotas, limits_for, look_up

COMMON = Limits(10, 20, 30)
SPECIAL = {
    "ann": {"environments": 99},
    "@staff": {"environments": 50, "own_bytes": None},
    "@students": {"own_bytes": 5},
}


@pytest.mark.parametrize(
    ("person", "limits"),
    [
        (Person("bob"), COMMON),
        (Person("bob", frozenset({"students"})), Limits(10, 20, 5)),
        (Person("bob", frozenset({"students", "staff"})), Limits(50, 20, None)),
        (Person("ann", frozenset({"staff"})), Limits(99, 20, None)),
        (Person("staff"), COMMON),
    ],
)
def test_ones_own_entry_counts_before_that_of_the_first_group_and_that_before_what_holds_for_all(
    person: Person, limits: Limits
) -> None:
    assert limits_for(person, COMMON, SPECIAL) == limits


class Machine:
    """Users, and how often somebody asked for one."""

    def __init__(self) -> None:
        self.asked: list[int] = []
        self.now = 0.0

    def look_up(self, uid: int) -> Person:
        self.asked.append(uid)
        return Person({1: "ann"}.get(uid, str(uid)))

    def clock(self) -> float:
        return self.now


def test_a_user_is_looked_up_when_that_matters_and_believed_for_a_while() -> None:
    machine = Machine()
    settings = Settings(Path("/s"), quota_environments=1, quotas={"ann": {"environments": 2}, "7": {"environments": 3}})
    quotas = Quotas(settings, frozenset({0}), machine.look_up, machine.clock)
    assert quotas.limits_of(1) == Limits(1), "what holds for all until more is known"
    for uid, environments in ((1, 2), (7, 3), (8, 1)):
        assert not quotas.is_known(uid)
        quotas.know(uid)
        assert quotas.is_known(uid)
        assert quotas.limits_of(uid) == Limits(environments)
    machine.now = KNOWN_SECONDS
    assert not quotas.is_known(1)
    assert quotas.is_known(0)
    assert quotas.limits_of(0) == NO_LIMITS
    assert machine.asked == [1, 7, 8]


def test_without_special_quotas_nobody_is_looked_up() -> None:
    quotas = Quotas(Settings(Path("/s"), quota_bytes=5), frozenset({0, 33}), look_up=pytest.fail)
    assert quotas.is_known(1000)
    assert quotas.limits_of(1000) == Limits(own_bytes=5)
    assert quotas.limits_of(33) == NO_LIMITS


def test_the_machine_knows_root_and_its_group_and_calls_others_by_number() -> None:
    root = look_up(0)
    assert root.name == "root"
    assert "root" in root.groups
    assert look_up(3_999_999_999) == Person("3999999999")
