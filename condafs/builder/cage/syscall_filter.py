"""The system calls of what packages bring: which are refused, and which somebody is asked about (seccomp(2)).

Refused, because permissions alone would let them through:

- namespaces: in a user namespace of one's own one is root over all of one's own files, read-only ones included
- extended attributes: an ACL gives write permission as chmod does
- making files with set-id bits
- sockets but those of the network, and those as well where there is to be none (pairs of connected ones are harmless)
- limits, priorities and processors of other processes, which are open to all of one user's: a limit of processor time
  is the end of whoever gets it (one's own are named by 0, as the C library does for a process, not for a thread)
- IPC of System V, which no cage divides: whoever knows a number, of the same user, takes part (it is said not to exist)
- io_uring, which does these things past the filter; keyrings, bpf, perf, userfaultfd, which no installation needs

Asked about, by `Listener`: starting processes and threads, to count them; changing permission bits, because a file may
be shared with the package cache. Clone3 and openat2 are said not to exist, because their arguments cannot be seen here;
everybody falls back to what they replace.
"""

import ctypes
import errno
import functools
import os
import struct
from collections.abc import Sequence

from condafs.builder.cage.kernel import syscall
from condafs.builder.cage.syscall_numbers import MACHINES, number_of

_LOAD, _JUMP_EQUAL, _JUMP_GREATER, _JUMP_BITS, _RETURN = 0x20, 0x15, 0x35, 0x45, 0x06  # linux/bpf_common.h
_ALLOW, _ASK, _ERROR = 0x7FFF0000, 0x7FC00000, 0x00050000  # linux/seccomp.h, SECCOMP_RET_*
_NUMBER, _ARCHITECTURE, _ARGUMENTS = 0, 4, 16  # offsets in struct seccomp_data
_X32 = 0x40000000

_NAMESPACES = 0x7E020080
"""CLONE_NEW*: time, mount, cgroup, UTS, IPC, user, PID, network (linux/sched.h)."""
_SET_ID = 0o6000
_MAKING = os.O_CREAT | os.O_TMPFILE & ~os.O_DIRECTORY
_NETWORK = (2, 10, 16)  # AF_INET, AF_INET6, AF_NETLINK: name resolution looks which addresses there are

_SET_MODE_FILTER, _GET_ACTION_AVAILABLE = 1, 2
_NEW_LISTENER = 8

_Instruction = tuple[int, int, int, int]


def can_listen() -> bool:
    """Whether this machine's calls are known and its kernel asks about them."""
    number = number_of("seccomp")
    if number is None:
        return False
    try:
        syscall(number, _GET_ACTION_AVAILABLE, 0, struct.pack("=I", _ASK))
    except OSError:
        return False
    return True


@functools.cache
def filter_program(*, has_network: bool) -> bytes:
    """A filter as the kernel takes it, for whoever has a network or none."""
    return b"".join(struct.pack("<HBBI", *instruction) for instruction in _program(has_network=has_network))


def install_filter(program: bytes) -> int:
    """Filter the system calls of this process and all that it starts; it needs no_new_privs.

    Returns:
        A descriptor for `Listener`.

    Raises:
        OSError: The kernel refuses; EBUSY when somebody listens already.
    """
    buffer = ctypes.create_string_buffer(program, len(program))
    pointer = struct.pack("@HP", len(program) // 8, ctypes.addressof(buffer))
    number = number_of("seccomp")
    assert number is not None  # noqa: S101 - `can_listen` is asked first
    return syscall(number, _SET_MODE_FILTER, _NEW_LISTENER, pointer)


def _program(*, has_network: bool) -> list[_Instruction]:
    architecture, table = MACHINES[os.uname().machine]
    steps: list[_Instruction] = [
        (_LOAD, 0, 0, _ARCHITECTURE),
        (_JUMP_EQUAL, 1, 0, architecture),
        _error(errno.ENOSYS),  # 32-bit programs have calls of their own
        (_LOAD, 0, 0, _NUMBER),
        (_JUMP_GREATER, 0, 1, _X32),
        _error(errno.ENOSYS),
    ]
    for name, answer in _ANSWERS:
        if name in table:
            steps += [(_JUMP_EQUAL, 0, 1, table[name]), answer]
    for name, argument, bits, otherwise in _BITS:
        if name in table:
            steps += _when_bits(table[name], argument, bits, otherwise)
    for name, target, forbidden in _TARGETS:
        if name in table:
            steps += _when_others(table[name], target, forbidden)
    if "prlimit64" in table:
        steps += _when_limiting_others(table["prlimit64"])
    for name, flags in (("open", 1), ("openat", 2)):
        if name in table:
            steps += _when_making(table[name], flags)
    return [*steps, *_sockets(table["socket"], _NETWORK if has_network else ()), (_RETURN, 0, 0, _ALLOW)]


def _error(number: int) -> _Instruction:
    return _RETURN, 0, 0, _ERROR | number


def _argument(number: int) -> _Instruction:
    """The lower half: flags and modes have no more."""
    return _LOAD, 0, 0, _ARGUMENTS + 8 * number


_ANSWERS: Sequence[tuple[str, _Instruction]] = (
    *((name, (_RETURN, 0, 0, _ASK)) for name in ("fork", "vfork", "chmod", "fchmod", "fchmodat", "fchmodat2")),
    *((name, _error(errno.ENOSYS)) for name in ("clone3", "openat2")),
    *((name, _error(errno.ENOSYS)) for name in ("io_uring_setup", "io_uring_enter", "io_uring_register")),
    *((name, _error(errno.ENOTSUP)) for name in ("setxattr", "lsetxattr", "fsetxattr", "setxattrat")),
    *((name, _error(errno.ENOTSUP)) for name in ("removexattr", "lremovexattr", "fremovexattr", "removexattrat")),
    *((name, _error(errno.EPERM)) for name in ("setns", "add_key", "request_key", "keyctl", "bpf")),
    *((name, _error(errno.EPERM)) for name in ("perf_event_open", "userfaultfd")),
    *((name, _error(errno.ENOSYS)) for name in ("shmget", "shmat", "shmctl", "semget", "semop", "semctl")),
    *((name, _error(errno.ENOSYS)) for name in ("semtimedop", "msgget", "msgsnd", "msgrcv", "msgctl")),
)

_BITS: Sequence[tuple[str, int, int, int]] = (
    ("clone", 0, _NAMESPACES & ~0x80, _ASK),  # the bit of time namespaces is part of its exit signal
    ("unshare", 0, _NAMESPACES, _ALLOW),
    ("creat", 1, _SET_ID, _ALLOW),
    ("mknod", 1, _SET_ID, _ALLOW),
    ("mknodat", 2, _SET_ID, _ALLOW),
)
"""Call, argument, bits of it that are refused, what becomes of it without them."""


_PRIO_USER, _IOPRIO_WHO_USER = 2, 3  # linux/resource.h, linux/ioprio.h
_NOTHING = 0xFFFFFFFF

_TARGETS: Sequence[tuple[str, int, int]] = (
    *((f"sched_set{what}", 0, _NOTHING) for what in ("param", "scheduler", "affinity", "attr")),
    ("setpriority", 1, _PRIO_USER),
    ("ioprio_set", 1, _IOPRIO_WHO_USER),
)
"""Call, the argument that says whose (0: one's own), what the first one must not be: all that the user has."""


def _when_others(number: int, target: int, forbidden: int) -> list[_Instruction]:
    return [
        (_JUMP_EQUAL, 0, 6, number),
        _argument(0),
        (_JUMP_EQUAL, 3, 0, forbidden),
        _argument(target),
        (_JUMP_EQUAL, 0, 1, 0),
        (_RETURN, 0, 0, _ALLOW),
        _error(errno.EPERM),
    ]


def _when_limiting_others(number: int) -> list[_Instruction]:
    """Who has no new limit to set only reads. That argument is a pointer, with an upper half."""
    return [
        (_JUMP_EQUAL, 0, 8, number),
        _argument(0),
        (_JUMP_EQUAL, 4, 0, 0),
        _argument(2),
        (_JUMP_EQUAL, 0, 3, 0),
        (_LOAD, 0, 0, _ARGUMENTS + 8 * 2 + 4),
        (_JUMP_EQUAL, 0, 1, 0),
        (_RETURN, 0, 0, _ALLOW),
        _error(errno.EPERM),
    ]


def _when_bits(number: int, argument: int, bits: int, otherwise: int) -> list[_Instruction]:
    return [
        (_JUMP_EQUAL, 0, 4, number),
        _argument(argument),
        (_JUMP_BITS, 0, 1, bits),
        _error(errno.EPERM),
        (_RETURN, 0, 0, otherwise),
    ]


def _when_making(number: int, flags: int) -> list[_Instruction]:
    """Opening a file that is not to be made has no mode."""
    return [
        (_JUMP_EQUAL, 0, 6, number),
        _argument(flags),
        (_JUMP_BITS, 0, 3, _MAKING),
        _argument(flags + 1),
        (_JUMP_BITS, 0, 1, _SET_ID),
        _error(errno.EPERM),
        (_RETURN, 0, 0, _ALLOW),
    ]


def _sockets(number: int, families: Sequence[int]) -> list[_Instruction]:
    allowed = [(_JUMP_EQUAL, len(families) - place, 0, family) for place, family in enumerate(families)]
    return [
        (_JUMP_EQUAL, 0, len(families) + 3, number),
        _argument(0),
        *allowed,
        _error(errno.EACCES),
        (_RETURN, 0, 0, _ALLOW),
    ]
