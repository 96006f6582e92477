from collections.abc import Sequence

import pytest

from condafs.catalog.records import BuildState
from condafs.errors import ForbiddenError, NotFoundError
from condafs.garbage import sweep as module
from condafs.garbage.policy import Candidate, Verdict
from condafs.garbage.processes import Look, Process
from condafs.garbage.sweep import Doors, sweep
from condafs.names import BuildName, EnvironmentName, SpecDigest


def verdict(number: int) -> Verdict:
    build = BuildName(SpecDigest(f"{number:064x}"), EnvironmentName("foo"))
    return Verdict(Candidate(build, BuildState.READY, number, own_bytes=number), None, "old")


class World:
    """People who begin to use builds while a sweep is under way; time passes with each deletion."""

    def __init__(self) -> None:
        self.deleted: list[int] = []
        self.looks = 0
        self.begins_at_look: dict[int, int] = {}
        self.errors: dict[int, Exception] = {}
        self.exported: set[int] = set()
        self.now = 0.0

    def look(self) -> Look:
        self.looks += 1
        uses = {
            verdict(n).build: [Process(7, 0, "python")] for n, at in self.begins_at_look.items() if at <= self.looks
        }
        return Look(uses)

    def delete(self, going: Verdict) -> None:
        self.now += 1
        number = going.candidate.generation
        if error := self.errors.get(number):
            raise error
        self.deleted.append(number)

    def doors(self) -> Doors:
        exported = [verdict(number).build for number in self.exported]
        return Doors(self.look, lambda _: exported, self.delete, lambda: self.now)


def numbers(verdicts: Sequence[Verdict]) -> list[int]:
    return [v.candidate.generation for v in verdicts]


def test_each_is_looked_at_again_before_it_goes() -> None:
    world = World()
    world.begins_at_look = {2: 2}
    swept = sweep([verdict(1), verdict(2), verdict(3)], world.doors())
    assert world.looks == 2, "the third is as fresh as the second, which took no time"
    assert world.deleted == numbers(swept.removed) == [1, 3]
    assert swept.spared == [(verdict(2).build, "used by python (7) now")]
    assert swept.own_bytes == 4


def test_one_look_does_for_those_that_go_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    world = World()
    monkeypatch.setattr(module, "FRESH_SECONDS", 100)
    sweep([verdict(n) for n in range(1, 50)], world.doors())
    assert (world.looks, len(world.deleted)) == (1, 49)


def test_what_is_read_as_an_export_by_now_stays() -> None:
    world = World()
    world.exported = {1}
    swept = sweep([verdict(1), verdict(2)], world.doors())
    assert world.deleted == [2]
    assert swept.spared == [(verdict(1).build, "somebody reads it as .tar or .oci now")]


def test_what_cannot_be_deleted_keeps_nobody_else() -> None:
    world = World()
    world.errors = {1: ForbiddenError("not yours"), 2: NotFoundError("gone"), 3: PermissionError(1, "no")}
    done: list[int] = []
    swept = sweep([verdict(n) for n in (1, 2, 3, 4)], world.doors(), lambda v: done.append(v.candidate.generation))
    assert numbers(swept.removed) == [4]
    assert [why for _, why in swept.refused] == ["not yours", "[Errno 1] no"]
    assert done == [1, 2, 3, 4]
