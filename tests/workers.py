"""Tests on several cores: `pytest -n auto` (pytest-xdist), as `make test` does it.

Each worker has mounts of its own where root runs it, as some tests are about the only mount of a machine. A room whose
tests share a daemon or a machine stays with one worker.
"""

import ctypes
import os

import pytest
from xdist.scheduler import LoadScopeScheduling

_CLONE_NEWNS = 0x20000
_MS_REC, _MS_PRIVATE = 0x4000, 0x40000


class ByRoom(LoadScopeScheduling):  # type: ignore[misc]
    """Rooms of `tests/end_to_end` and files of other tiers go to whoever is free, in the order of collection."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        parts = file.split("/")
        return "/".join(parts[:3]) if parts[1:2] == ["end_to_end"] else file


def pytest_configure() -> None:
    """A worker leaves the machine's mounts to others."""
    if "PYTEST_XDIST_WORKER" not in os.environ or os.geteuid() != 0:
        return
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(_CLONE_NEWNS) or libc.mount(b"none", b"/", None, _MS_REC | _MS_PRIVATE, None):
        raise OSError(ctypes.get_errno(), "no mounts of its own for a worker")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> ByRoom:
    """In the order of collection, in which what takes long comes early."""
    config.option.loadscopereorder = False
    return ByRoom(config, log)
