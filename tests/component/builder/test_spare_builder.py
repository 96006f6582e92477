"""One builder that waits, with small things in the place of builders."""

from dataclasses import dataclass, field

import pytest
import trio

from condafs.builder.spare_builder import SpareBuilder


@dataclass(slots=True)
class Idler:
    usable: bool = True
    ended: bool = False

    def is_usable(self) -> bool:
        return self.usable

    async def end(self) -> None:
        await trio.lowlevel.checkpoint()
        self.ended = True


@dataclass(slots=True)
class House:
    """Starts builders, until it cannot any more."""

    made: list[Idler] = field(default_factory=list)
    is_broken: bool = False

    async def start(self) -> Idler:
        await trio.lowlevel.checkpoint()
        if self.is_broken:
            msg = "there is no room"
            raise OSError(msg)
        self.made.append(Idler())
        return self.made[-1]


async def test_of_two_that_were_started_at_once_one_waits() -> None:
    house = House()
    spare = SpareBuilder(house.start)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(spare.prepare)
        nursery.start_soon(spare.prepare)
    assert [idler.ended for idler in house.made] == [idler is not spare.waiting for idler in house.made]
    assert len(house.made) == 2


async def test_one_that_cannot_be_used_any_more_is_ended_and_another_taken() -> None:
    house = House()
    spare = SpareBuilder(house.start)
    await spare.prepare()
    house.made[0].usable = False
    assert await spare.take() is house.made[1]
    assert house.made[0].ended
    assert spare.waiting is None


async def test_whoever_takes_one_hears_that_there_is_none() -> None:
    house = House(is_broken=True)
    spare = SpareBuilder(house.start)
    await spare.prepare()
    with pytest.raises(OSError, match="no room"):
        await spare.take()


async def test_it_is_ended_even_by_who_is_cancelled() -> None:
    house = House()
    spare = SpareBuilder(house.start)
    await spare.prepare()
    with trio.CancelScope() as scope:
        scope.cancel()
        await spare.aclose()
    assert house.made[0].ended
