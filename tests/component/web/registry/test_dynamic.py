"""Paths that are built when they are pulled."""

from collections.abc import Callable
from typing import TypeVar, TypeVarTuple

import pytest
import trio
import trio.testing

from condafs.catalog import changes
from condafs.client.envs import Envs
from condafs.names import BuildName
from condafs.web.errors import BusyError
from condafs.web.following import Follower
from condafs.web.registry import dynamic
from condafs.web.registry.dynamic import FAILURE_SECONDS, MOST_BUILDS, Dynamic
from condafs.web.registry.dynamic_path import DynamicPath
from condafs.web.registry.refusals import Code, RegistryError
from tests.component.web.direct import DirectMount
from tests.component.web.laid import Laid

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

PATH = DynamicPath.parse(["python.eq.3.12", "numpy"])
PATIENCE = 25


class TakenUp(DirectMount):
    """What is written into its `.specs` is taken up, as by a daemon."""

    def __init__(self, laid: Laid) -> None:
        super().__init__(laid.envs)
        self._laid = laid

    async def ask(
        self, function: Callable[[Envs, *Ts], T], *arguments: *Ts, patience_seconds: float | None = None
    ) -> T:
        found = await super().ask(function, *arguments, patience_seconds=patience_seconds)
        called, first, *_ = (function.__name__, *arguments, None)
        if called == "submit" and isinstance(first, bytes):
            self._laid.submit(first.decode().splitlines()[1].removeprefix("name: "), first.decode())
        elif called == "try_again" and isinstance(first, str):
            self._laid.submit(first, (self.envs.specs / f"{first}.yaml").read_text())
        return found


@pytest.fixture
def mount(laid: Laid) -> TakenUp:
    return TakenUp(laid)


@pytest.fixture
def paths(laid: Laid, mount: TakenUp, nursery: trio.Nursery) -> Dynamic:
    follower = Follower(laid.catalog, mount, nursery)
    return Dynamic(laid.catalog, mount, follower, lambda: laid.now, is_on=True)


def wanted(laid: Laid, path: DynamicPath = PATH) -> BuildName:
    """The build that a path wants."""
    with laid.catalog.snapshot() as snapshot:
        record = snapshot.environment(path.environment)
    assert record
    return BuildName(record.wanted, record.name)


async def test_ten_who_pull_one_path_have_one_build_made(
    laid: Laid, mount: TakenUp, paths: Dynamic, autojump_clock: trio.testing.MockClock
) -> None:
    found = []

    async def pull() -> None:
        found.append(await paths.build(PATH, PATIENCE))

    async with trio.open_nursery() as pulling:
        for _ in range(10):
            pulling.start_soon(pull)
        await trio.sleep(1)
        assert not found
        laid.publish(wanted(laid))
    assert found == [wanted(laid)] * 10
    assert mount.asked["submit"] == 1
    assert await paths.build(DynamicPath.parse(["numpy", "python.eq.3.12", "numpy"]), PATIENCE) == wanted(laid)
    assert mount.asked["submit"] == 1


async def test_who_waits_too_long_hears_how_far_it_is(
    laid: Laid, paths: Dynamic, autojump_clock: trio.testing.MockClock
) -> None:
    begun = trio.current_time()
    with pytest.raises(BusyError, match=r"numpy, python 3\.12\.\* is being built \(queued\): pull again"):
        await paths.build(PATH, PATIENCE)
    assert trio.current_time() == begun + PATIENCE
    laid.start(wanted(laid))
    laid.set_status(wanted(laid), phase="fetch", done=3, total=9)
    with pytest.raises(BusyError, match=r"\(fetch 3 of 9\)"):
        await paths.build(PATH, PATIENCE)


async def test_a_failure_is_told_and_tried_again_later(
    laid: Laid, mount: TakenUp, paths: Dynamic, autojump_clock: trio.testing.MockClock
) -> None:
    with pytest.raises(BusyError):
        await paths.build(PATH, 1)
    build = wanted(laid)
    laid.start(build)
    laid.fail(build, "unsatisfiable", "no numpy for it")
    with pytest.raises(RegistryError, match=r"cannot be built \(unsatisfiable\): no numpy for it") as caught:
        await paths.build(PATH, PATIENCE)
    assert caught.value.code is Code.MANIFEST_UNKNOWN
    assert mount.asked["try_again"] == 0
    laid.now += FAILURE_SECONDS + 1

    with pytest.raises(BusyError, match="is being built"):
        await paths.build(PATH, PATIENCE)
    assert mount.asked["try_again"] == 1
    assert mount.asked["submit"] == 1


async def test_what_was_retired_is_submitted_again(
    laid: Laid, mount: TakenUp, paths: Dynamic, autojump_clock: trio.testing.MockClock
) -> None:
    build = laid.make_ready(PATH.environment.text, PATH.file.decode())
    assert await paths.build(PATH, PATIENCE) == build
    assert mount.asked["submit"] == 0
    laid.retire(PATH.environment.text)
    assert await paths.build(PATH, PATIENCE) == build, "nothing is built twice"
    assert mount.asked["submit"] == 1


async def test_few_are_built_at_once(
    laid: Laid, mount: TakenUp, paths: Dynamic, autojump_clock: trio.testing.MockClock
) -> None:
    others = [DynamicPath.parse([f"package{number}"]) for number in range(MOST_BUILDS)]
    for path in others:
        with pytest.raises(BusyError, match="is being built"):
            await paths.build(path, 1)
    with pytest.raises(BusyError, match="no more at once"):
        await paths.build(PATH, PATIENCE)
    assert mount.asked["submit"] == MOST_BUILDS
    laid.submit("bystander")
    laid.publish(wanted(laid, others[0]))
    assert await paths.build(others[0], PATIENCE) == wanted(laid, others[0])
    with pytest.raises(BusyError, match="is being built"):
        await paths.build(PATH, 1)


async def test_there_are_not_too_many_of_them(
    laid: Laid, paths: Dynamic, autojump_clock: trio.testing.MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dynamic, "MOST_ENVIRONMENTS", 2)
    for number in range(2):
        path = DynamicPath.parse([f"package{number}"])
        laid.make_ready(path.environment.text, path.file.decode())
    laid.make_ready("dynamic-foo")
    with pytest.raises(RegistryError, match="there are 2 environments") as caught:
        await paths.build(PATH, PATIENCE)
    assert caught.value.code is Code.DENIED
    laid.retire(DynamicPath.parse(["package0"]).environment.text)
    with pytest.raises(BusyError, match="is being built"):
        await paths.build(PATH, 1)


async def test_a_cancelled_build_is_not_begun_again_at_once(
    laid: Laid, paths: Dynamic, autojump_clock: trio.testing.MockClock
) -> None:
    with pytest.raises(BusyError):
        await paths.build(PATH, 1)
    build = wanted(laid)
    laid.catalog.write_now(lambda transaction: changes.cancel(transaction, build, laid.now))
    with pytest.raises(RegistryError, match="was cancelled"):
        await paths.build(PATH, PATIENCE)
