"""The outer ring, as the builder draws it around itself, and what rings this machine can have."""

import os
from collections.abc import Iterable
from pathlib import Path

from condafs.builder.cage.kernel import (
    CAP_DAC_OVERRIDE,
    CAP_DAC_READ_SEARCH,
    gain_nothing_by_execution,
    keep_capabilities,
)
from condafs.builder.cage.landlock import LINKING_ABI, SCOPING_ABI, TRUNCATING_ABI, landlock_abi, restrict_writing
from condafs.builder.cage.level import Level, Reached
from condafs.builder.cage.syscall_filter import can_listen
from condafs.builder.cage.view import device_paths

_KEPT = (CAP_DAC_OVERRIDE, CAP_DAC_READ_SEARCH)
"""A root's builder reads channels that only root may read, and writes where an earlier one left read-only directories;
nothing that packages bring has these."""


def close_outer_ring(writable: Iterable[Path]) -> None:
    """From now on this process and what it starts changes nothing but what is below these directories.

    May be called again for less. Threads that run already stay as they are, so the first call comes before them.

    Raises:
        OSError: when it cannot be done.
    """
    gain_nothing_by_execution()
    keep_capabilities(_KEPT)
    if landlock_abi() >= LINKING_ABI:
        restrict_writing([*writable, *device_paths()])


def reached_within(outer: Level, *, is_root: bool | None = None) -> Reached:
    """What a builder reaches whose outer ring is besides, or `LANDLOCK` for nothing, of that level.

    Nothing is changed by asking.
    """
    abi = landlock_abi()
    missing = []
    if not abi:
        missing.append("this kernel has no Landlock (Linux 5.13, and `landlock` among its `lsm=`)")
    if not can_listen():
        missing.append("no system calls can be filtered here (seccomp with user notification)")
    if missing:
        parts = (f"{outer} alone",) if outer > Level.LANDLOCK else ()
        return Reached(Level.NONE, parts, tuple(missing))
    parts = (f"Landlock {abi}", "seccomp", *(("namespaces",) if outer is Level.BUBBLEWRAP else ()))
    return Reached(outer, parts, tuple(_lacks(abi, outer, is_root=os.geteuid() == 0 if is_root is None else is_root)))


def _lacks(abi: int, outer: Level, *, is_root: bool) -> Iterable[str]:
    if abi < LINKING_ABI:
        yield "the builder itself is not confined, only what packages bring (Linux 5.19)"
    # The unit has a user of its own, which all builds share.
    if abi < TRUNCATING_ABI and outer is not Level.BUBBLEWRAP:
        yield "files elsewhere can be truncated where permissions allow it (Linux 6.2)"
    if abi < SCOPING_ABI and outer is not Level.BUBBLEWRAP:
        yield "processes of the same user can be signalled (Linux 6.12)"
    if is_root and outer < Level.BUBBLEWRAP:
        yield "packages' programs run as root, without capabilities: install bubblewrap, or the service"
