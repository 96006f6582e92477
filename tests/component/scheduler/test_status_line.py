import trio

from condafs.config import Settings
from condafs.scheduler.status_line import tell_overview
from tests.component.scheduler.scripted import ScriptedRunner, open_house, specification


async def test_it_is_told_when_a_build_begins_and_when_it_ends(settings: Settings) -> None:
    runner = ScriptedRunner()
    runner.hold()
    send, receive = trio.open_memory_channel[str](100)
    with trio.fail_after(30):
        async with open_house(settings, runner) as house, trio.open_nursery() as nursery:
            nursery.start_soon(tell_overview, house.scheduler, house.catalog, send.send_nowait)
            assert await receive.receive() == "0 environments"
            await house.write("foo.yaml", specification("foo"))
            while "building" not in (line := await receive.receive()):
                pass
            assert line == "1 environment, building foo (link 1/2)"
            runner.release()
            while (line := await receive.receive()) != "1 environment":
                assert "foo" in line
            nursery.cancel_scope.cancel()
