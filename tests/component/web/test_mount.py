"""Asking a mount that may not answer."""

import errno
import logging
import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path

import pytest
import trio

from condafs.client.envs import Envs
from condafs.errors import CondafsError, DiskFullError, ForbiddenError, MachineError, NotFoundError
from condafs.web.errors import BusyError
from condafs.web.mount import THREADS, Mount
from tests.component.web.laid import Laid


@contextmanager
def stuck() -> Iterator[Callable[[Envs], object]]:
    """A function that returns when the block ends, like a system call that a stopped daemon does not answer."""
    answer = threading.Event()
    try:
        yield lambda _: answer.wait()
    finally:
        answer.set()


def fail(error: Exception, _envs: Envs) -> None:
    raise error


def mount_of(envs: Envs, patience_seconds: float = 20) -> Mount:
    return Mount(envs, patience_seconds)


async def test_a_question_is_answered_in_another_thread(laid: Laid) -> None:
    mount = mount_of(laid.envs)
    assert await mount.ask(lambda envs, more: (envs.mount, more), 7) == (laid.mount, 7)
    assert await mount.ask(lambda _: threading.get_ident()) != threading.get_ident()


async def test_patience_with_a_mount_that_does_not_answer_ends_and_others_are_answered(
    laid: Laid, caplog: pytest.LogCaptureFixture
) -> None:
    mount = mount_of(laid.envs, 0.1)
    answered = []

    async def ask(function: Callable[[Envs], object]) -> None:
        with pytest.raises(BusyError, match="did not answer within"):
            await mount.ask(function)

    async def ask_for_names() -> None:
        answered.append(await mount.ask(Envs.names, patience_seconds=20))

    with stuck() as function, caplog.at_level(logging.ERROR):
        async with trio.open_nursery() as nursery:
            for _ in range(THREADS - 1):
                nursery.start_soon(ask, function)
            for _ in range(5):
                nursery.start_soon(ask_for_names)
        assert answered == [[]] * 5


async def test_threads_that_are_stuck_are_few_and_come_back(laid: Laid) -> None:
    mount = mount_of(laid.envs, 0.05)
    before = threading.active_count()
    with stuck() as function:
        async with trio.open_nursery() as nursery:
            for _ in range(3 * THREADS):
                nursery.start_soon(_expect_busy, mount, function)
        assert threading.active_count() <= before + THREADS + 2
        with pytest.raises(BusyError):
            await mount.ask(Envs.names)
    assert await mount.ask(Envs.names, patience_seconds=20) == []


async def _expect_busy(mount: Mount, function: Callable[[Envs], object]) -> None:
    with pytest.raises(BusyError):
        await mount.ask(function)


@pytest.mark.parametrize(
    ("number", "kind", "says"),
    [
        (errno.ENOTCONN, BusyError, "the daemon behind the mount is gone"),
        (errno.ECONNABORTED, BusyError, "the daemon behind the mount is gone"),
        (errno.EACCES, ForbiddenError, "may not do that"),
        (errno.EPERM, ForbiddenError, "may not do that"),
        (errno.ENOSPC, DiskFullError, "no room left"),
        (errno.EDQUOT, DiskFullError, "a quota is used up"),
        (errno.EIO, MachineError, "Input/output error"),
        (errno.ENAMETOOLONG, MachineError, "File name too long"),
    ],
)
async def test_what_the_system_says_is_told_in_our_words(
    laid: Laid, number: int, kind: type[CondafsError], says: str
) -> None:
    error = OSError(number, os.strerror(number), "/some/path")
    with pytest.raises(kind, match=says) as caught:
        await mount_of(laid.envs).ask(partial(fail, error))
    assert "/some/path" not in str(caught.value)


async def test_what_condafs_says_stays_as_it_is(laid: Laid) -> None:
    with pytest.raises(NotFoundError, match="exactly this"):
        await mount_of(laid.envs).ask(partial(fail, NotFoundError("exactly this")))


async def test_a_mount_that_is_not_there_is_no_mistake_of_the_asker(tmp_path: Path) -> None:
    with pytest.raises(MachineError, match="No such file or directory"):
        await mount_of(Envs(tmp_path / "gone")).ask(Envs.names)
