"""System calls that Python has no name for, with errors as OSError; and what a process gives up for good.

Capabilities belong to a thread (capabilities(7)): whoever calls this has no second one yet.
"""

import ctypes
import os
from collections.abc import Iterable

_PR_CAPBSET_DROP, _PR_SET_NO_NEW_PRIVS, _PR_CAP_AMBIENT = 24, 38, 47  # linux/prctl.h
_PR_CAP_AMBIENT_CLEAR_ALL = 4
_CAPABILITY_VERSION_3 = 0x20080522  # linux/capability.h
_MOST_CAPABILITIES = 64

CAP_DAC_OVERRIDE = 1
CAP_DAC_READ_SEARCH = 2

_libc = ctypes.CDLL(None, use_errno=True)


def syscall(number: int, *arguments: object) -> int:
    """Call the kernel.

    Args:
        number: Of the call, on this machine.
        arguments: ints, and what ctypes passes as pointers.

    Raises:
        OSError: with the kernel's errno.
    """
    converted = [ctypes.c_long(item) if isinstance(item, int) else item for item in arguments]
    return _checked(_libc.syscall(ctypes.c_long(number), *converted))


def _checked(result: int) -> int:
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return int(result)


def gain_nothing_by_execution() -> None:
    """No program that is executed from now on gets rights by its set-id bits or file capabilities (no_new_privs)."""
    _checked(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))


def keep_capabilities(kept: Iterable[int] = ()) -> None:
    """Give up all capabilities but these, in every set; those that one does not have are not got by it."""
    wanted = set(kept)
    for number in range(_MOST_CAPABILITIES):
        if number not in wanted:
            _libc.prctl(_PR_CAPBSET_DROP, number, 0, 0, 0)  # fails without CAP_SETPCAP, where there is nothing to drop
    _libc.prctl(_PR_CAP_AMBIENT, _PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0)
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    sets = (ctypes.c_uint32 * 6)()  # effective, permitted, inheritable of 0..31; of 32..63
    _checked(_libc.capget(header, sets))
    had, mask = list(sets), sum(1 << number for number in wanted)
    for half in range(2):
        part = mask >> 32 * half & 0xFFFFFFFF
        for which in range(2):
            sets[3 * half + which] &= part
        sets[3 * half + 2] = 0
    if list(sets) != had:  # a unit's filter may refuse to those who have none even to ask for less
        _checked(_libc.capset(header, sets))
