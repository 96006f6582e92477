"""Numbers of the system calls that the filter knows (`syscall_filter`), and of the architectures.

The numbers are the kernel's, for x86_64, and for those architectures that share one table (asm-generic/unistd.h).
"""

import os

_X86_64 = {
    "fork": 57,
    "vfork": 58,
    "clone": 56,
    "chmod": 90,
    "fchmod": 91,
    "fchmodat": 268,
    "open": 2,
    "creat": 85,
    "openat": 257,
    "mknod": 133,
    "mknodat": 259,
    "setxattr": 188,
    "lsetxattr": 189,
    "fsetxattr": 190,
    "removexattr": 197,
    "lremovexattr": 198,
    "fremovexattr": 199,
    "socket": 41,
    "unshare": 272,
    "setns": 308,
    "add_key": 248,
    "request_key": 249,
    "keyctl": 250,
    "bpf": 321,
    "perf_event_open": 298,
    "userfaultfd": 323,
    "seccomp": 317,
    "prlimit64": 302,
    "setpriority": 141,
    "sched_setparam": 142,
    "sched_setscheduler": 144,
    "sched_setaffinity": 203,
    "sched_setattr": 314,
    "ioprio_set": 251,
    "shmget": 29,
    "shmat": 30,
    "shmctl": 31,
    "semget": 64,
    "semop": 65,
    "semctl": 66,
    "semtimedop": 220,
    "msgget": 68,
    "msgsnd": 69,
    "msgrcv": 70,
    "msgctl": 71,
}
_GENERIC = {
    "clone": 220,
    "fchmod": 52,
    "fchmodat": 53,
    "openat": 56,
    "mknodat": 33,
    "setxattr": 5,
    "lsetxattr": 6,
    "fsetxattr": 7,
    "removexattr": 14,
    "lremovexattr": 15,
    "fremovexattr": 16,
    "socket": 198,
    "unshare": 97,
    "setns": 268,
    "add_key": 217,
    "request_key": 218,
    "keyctl": 219,
    "bpf": 280,
    "perf_event_open": 241,
    "userfaultfd": 282,
    "seccomp": 277,
    "prlimit64": 261,
    "setpriority": 140,
    "sched_setparam": 118,
    "sched_setscheduler": 119,
    "sched_setaffinity": 122,
    "sched_setattr": 274,
    "ioprio_set": 30,
    "shmget": 194,
    "shmat": 196,
    "shmctl": 195,
    "semget": 190,
    "semop": 193,
    "semctl": 191,
    "semtimedop": 192,
    "msgget": 186,
    "msgsnd": 189,
    "msgrcv": 188,
    "msgctl": 187,
}
_SINCE_2019 = {
    "io_uring_setup": 425,
    "io_uring_enter": 426,
    "io_uring_register": 427,
    "clone3": 435,
    "openat2": 437,
    "fchmodat2": 452,
    "setxattrat": 463,
    "removexattrat": 466,
}
"""The same number everywhere."""

MACHINES = {
    "x86_64": (0xC000003E, _X86_64 | _SINCE_2019),
    "aarch64": (0xC00000B7, _GENERIC | _SINCE_2019),
    "riscv64": (0xC00000F3, _GENERIC | _SINCE_2019),
}
"""AUDIT_ARCH_* (linux/audit.h) and the table."""


def number_of(name: str) -> int | None:
    """A system call's number on this machine; None when it has none of that name."""
    _, table = MACHINES.get(os.uname().machine, (0, {}))
    return table.get(name)
