"""What is added to libfuse's answer to FUSE_INIT."""

import struct

import pytest

from condafs.errors import MachineError
from condafs.filesystem.handshake import Handshake, accept_more

CACHE_SYMLINKS = 1 << 23
ASYNC_READ = 1


def request(offered: int) -> bytes:
    """struct fuse_in_header, fuse_init_in of linux/fuse.h."""
    return struct.pack("<IIQQIIII", 104, 26, 2, 0, 0, 0, 0, 0) + struct.pack("<IIII48x", 7, 39, 131072, offered)


def reply(accepted: int, error: int = 0) -> bytes:
    """struct fuse_out_header, fuse_init_out."""
    return struct.pack("<IiQ", 80, error, 2) + struct.pack("<IIII48x", 7, 39, 131072, accepted)


def test_what_the_kernel_offers_is_accepted_besides_what_libfuse_accepts() -> None:
    assert accept_more(request(CACHE_SYMLINKS | ASYNC_READ), reply(ASYNC_READ)) == reply(CACHE_SYMLINKS | ASYNC_READ)


def test_what_the_kernel_does_not_offer_is_not_accepted() -> None:
    assert accept_more(request(ASYNC_READ), reply(ASYNC_READ)) == reply(ASYNC_READ)


@pytest.mark.parametrize("answer", [b"", reply(0)[:20], reply(0)[:-1], reply(0, error=-71)])
def test_an_answer_that_is_none_is_not_passed_on(answer: bytes) -> None:
    with pytest.raises(MachineError, match="do not understand each other"):
        accept_more(request(CACHE_SYMLINKS), answer)


def test_a_kernel_that_does_not_send_again_is_not_taken_over_from() -> None:
    old = request(CACHE_SYMLINKS)
    Handshake(old[:56] + struct.pack("<I", 1 << 7) + old[60:]).require_resumable()
    for lacking in (old, old[:56]):
        with pytest.raises(MachineError, match=r"Linux 6\.9"):
            Handshake(lacking).require_resumable()
