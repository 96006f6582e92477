"""No exception leaves a handler but FUSEError."""

import errno

import pyfuse3
import pytest
import trio

from condafs.errors import (
    CatalogError,
    DiskFullError,
    ForbiddenError,
    InvalidNameError,
    NotFoundError,
    SpecificationError,
)
from condafs.filesystem.guard import guarded


@guarded(str)
async def handler(error: BaseException | None = None, result: object = "fine") -> object:
    """Raise or return what it is told."""
    if error:
        raise error
    return result


async def errno_for(error: BaseException) -> int:
    with pytest.raises(pyfuse3.FUSEError) as caught:
        await handler(error)
    return int(caught.value.errno)


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (pyfuse3.FUSEError(errno.ESTALE), errno.ESTALE),
        (FileNotFoundError(errno.ENOENT, "gone"), errno.ENOENT),
        (OSError("without a number"), errno.EIO),
        (SpecificationError("no"), errno.EINVAL),
        (NotFoundError("no"), errno.ENOENT),
        (ForbiddenError("no"), errno.EPERM),
        (InvalidNameError("no"), errno.EINVAL),
        (DiskFullError("full"), errno.ENOSPC),
        (CatalogError("broken"), errno.EIO),
    ],
)
async def test_what_is_known_becomes_its_errno(error: Exception, expected: int) -> None:
    assert await errno_for(error) == expected


@pytest.mark.parametrize("error", [RuntimeError("bug"), AssertionError(), UnicodeDecodeError("utf-8", b"", 0, 1, "x")])
async def test_a_bug_is_logged_and_becomes_eio(error: Exception, caplog: pytest.LogCaptureFixture) -> None:
    assert await errno_for(error) == errno.EIO
    assert caplog.records[-1].exc_info


async def test_a_result_of_the_wrong_type_becomes_eio(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(pyfuse3.FUSEError):
        await handler(result=3)
    assert "returned 3" in caplog.text


async def test_a_right_result_passes() -> None:
    assert await handler() == "fine"


async def test_cancellation_passes() -> None:
    @guarded(str)
    async def endless() -> str:
        await trio.sleep_forever()
        return ""

    with trio.CancelScope() as scope:
        scope.cancel()
        await endless()
    assert scope.cancelled_caught


async def test_a_refused_specification_can_have_another_errno() -> None:
    @guarded(type(None), specification_errno=errno.EBADMSG)
    async def rename() -> None:
        raise SpecificationError("no")  # noqa: EM101

    with pytest.raises(pyfuse3.FUSEError) as caught:
        await rename()
    assert caught.value.errno == errno.EBADMSG
