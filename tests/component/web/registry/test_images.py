"""Images that are open: shared, leased, let go."""

import gc
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, TypeVarTuple

import pytest
import trio
import trio.testing

from condafs.client.envs import Envs
from condafs.errors import MachineError, NotFoundError
from condafs.web.errors import BusyError
from condafs.web.registry.image import Image
from condafs.web.registry.images import LEASE_SECONDS, PATIENCE_SECONDS, TIDY_SECONDS, Images
from tests.component.catalog.records import build_name
from tests.component.web.direct import DirectMount
from tests.component.web.laid import Laid
from tests.component.web.registry.images_of import put_image, sha256
from tests.component.web.test_mounted_file import is_open, until

T = TypeVar("T")
Ts = TypeVarTuple("Ts")

BUILD = build_name(1)


@pytest.fixture
def mount(laid: Laid) -> DirectMount:
    return DirectMount(laid.envs)


@pytest.fixture
def images(mount: DirectMount, nursery: trio.Nursery) -> Images:
    return Images(mount, nursery, 3)


class SlowMount(DirectMount):
    """Opens images when it may."""

    may_open = trio.Event()

    async def ask(
        self, function: Callable[[Envs, *Ts], T], *arguments: *Ts, patience_seconds: float | None = None
    ) -> T:
        if getattr(function, "__name__", "") == "open_image":
            await self.may_open.wait()
        return await super().ask(function, *arguments, patience_seconds=patience_seconds)


async def read(image: Image, digest_hex: str) -> bytes:
    content = image.content(image.blobs[digest_hex])
    try:
        return await content.file.read(content.begin, content.size_bytes)
    finally:
        content.close()


async def test_blobs_are_slices_of_the_file(laid: Laid, images: Images, autojump_clock: trio.testing.MockClock) -> None:
    made = put_image(laid.mount, BUILD)
    image = await images.of(BUILD)
    assert (image.manifest, image.digest) == (made.manifest, made.digest)
    assert image.media_type == "application/vnd.oci.image.manifest.v1+json"
    assert image.blobs.keys() == {*made.layers, sha256(made.config), sha256(made.manifest)}
    for digest, layer in made.layers.items():
        assert await read(image, digest) == layer
    assert await read(image, sha256(made.config)) == made.config


async def test_twenty_who_ask_open_it_once(
    laid: Laid, images: Images, mount: DirectMount, autojump_clock: trio.testing.MockClock
) -> None:
    put_image(laid.mount, BUILD)
    found = []

    async def ask() -> None:
        found.append(await images.of(BUILD))

    async with trio.open_nursery() as asking:
        for _ in range(20):
            asking.start_soon(ask)
    assert len(found) == 20
    assert len({id(image) for image in found}) == 1
    assert mount.asked["open_image"] == 1
    assert await images.of(BUILD) is found[0]
    assert mount.asked["open_image"] == 1


async def test_a_pull_goes_on_with_the_image_that_it_began_with(
    laid: Laid, images: Images, autojump_clock: trio.testing.MockClock
) -> None:
    before = put_image(laid.mount, BUILD, "one")
    first = await images.of(BUILD)
    after = put_image(laid.mount, BUILD, "another")
    second = await images.of(BUILD)
    assert (first.digest, second.digest) == (before.digest, after.digest)
    assert await images.with_manifest("foo", before.digest) is first
    assert await images.having("foo", sha256(before.config)) is first
    (laid.mount / f"{BUILD}.oci").unlink()
    with pytest.raises(NotFoundError, match="has no image"):
        await images.of(BUILD)
    assert await images.having("foo", sha256(after.config)) is second
    assert await images.having("bar", sha256(after.config)) is None


async def test_a_lease_ends_after_the_last_request(
    laid: Laid, images: Images, autojump_clock: trio.testing.MockClock
) -> None:
    made = put_image(laid.mount, BUILD)
    image = await images.of(BUILD)
    await trio.sleep(LEASE_SECONDS - TIDY_SECONDS)
    assert await images.having("foo", sha256(made.config)) is image
    await trio.sleep(LEASE_SECONDS - TIDY_SECONDS)
    assert len(images) == 1
    content = image.content(image.blobs[sha256(made.config)])
    await trio.sleep(LEASE_SECONDS)
    assert len(images) == 0
    assert await content.file.read(content.begin, content.size_bytes) == made.config, "a download goes on"
    content.close()
    with pytest.raises(BusyError):
        image.content(image.blobs[sha256(made.config)])
    assert await images.of(BUILD) is not image


async def test_what_was_used_longest_ago_is_closed_when_there_are_too_many(
    laid: Laid, images: Images, autojump_clock: trio.testing.MockClock
) -> None:
    builds = [build_name(number) for number in range(1, 5)]
    for build in builds:
        put_image(laid.mount, build)
    opened = [await images.of(build) for build in builds[:3]]
    assert await images.of(builds[0]) is opened[0]
    await images.of(builds[3])
    assert len(images) == 3
    assert await images.of(builds[0]) is opened[0]
    assert await images.of(builds[1]) is not opened[1]


async def test_who_waits_too_long_is_told_to_come_back_and_finds_it_open(
    laid: Laid, nursery: trio.Nursery, autojump_clock: trio.testing.MockClock
) -> None:
    put_image(laid.mount, BUILD)
    mount = SlowMount(laid.envs)
    images = Images(mount, nursery)
    begun = trio.current_time()
    with pytest.raises(BusyError, match="ask again"):
        await images.of(BUILD)
    assert trio.current_time() - begun == PATIENCE_SECONDS
    mount.may_open.set()
    assert (await images.of(BUILD)).build == BUILD
    assert mount.asked["open_image"] == 1


async def test_what_is_no_image_is_the_machines_fault(
    laid: Laid, images: Images, autojump_clock: trio.testing.MockClock
) -> None:
    (laid.mount / f"{BUILD}.oci").write_bytes(b"x" * 5000)
    with pytest.raises(MachineError, match="is no image"):
        await images.of(BUILD)
    assert len(images) == 0


async def test_a_digest_is_looked_for_in_images_that_are_not_open(
    laid: Laid, images: Images, autojump_clock: trio.testing.MockClock
) -> None:
    builds = [build_name(number) for number in range(1, 7)]
    made = [put_image(laid.mount, build) for build in builds]
    pulled = await images.of(builds[5])
    (laid.mount / f"{builds[1]}.oci").unlink()
    (laid.mount / f"{builds[2]}.oci").write_bytes(b"")
    found = await images.search(builds[:5], sha256(made[4].config))
    assert found
    assert found.build == builds[4]
    assert len(images) == 3
    assert await images.having("foo", sha256(made[5].config)) is pulled, "what was only looked into goes first"
    assert await images.search(builds[:4], sha256(b"nowhere")) is None


async def test_after_a_new_start_of_the_daemon_nothing_old_is_used(
    laid: Laid, images: Images, autojump_clock: trio.testing.MockClock, tmp_path: Path
) -> None:
    made = put_image(laid.mount, BUILD)
    image = await images.of(BUILD)
    key = next(iter(images._open))
    other = (BUILD, type(image.place)(image.place.device + 1, image.place.inode))
    images._open[other], images._used[other] = images._open.pop(key), images._used.pop(key)
    assert await images.having("foo", sha256(made.config)) is None
    assert len(images) == 0


def test_an_image_that_nobody_keeps_closes_itself(laid: Laid) -> None:
    put_image(laid.mount, BUILD)

    async def main() -> None:
        async with trio.open_nursery() as nursery:
            await Images(DirectMount(laid.envs), nursery).of(BUILD)
            nursery.cancel_scope.cancel()
        gc.collect()
        await until(lambda: not is_open(laid.mount / f"{BUILD}.oci"))

    trio.run(main)
