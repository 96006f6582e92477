"""Landlock: what a process and all that it starts may do with files below which directories.

The interface is the kernel's (landlock(7), linux/landlock.h). Its numbers are the same on every architecture. What an
older kernel does not know is left out:

====  =======  ========================================================================================
ABI   Linux    brings
====  =======  ========================================================================================
1     5.13     files; no link and no rename from one directory to another, even where both are allowed
2     5.19     links and renames between directories (REFER)
3     6.2      truncating
6     6.12     no signals to, and no abstract sockets of, processes outside
====  =======  ========================================================================================

Not covered at any of them: chmod, chown, utimes and extended attributes, for which permissions are all there is; and
connecting to a Unix socket by its path.
"""

import os
import stat
import struct
from collections.abc import Iterable, Sequence
from pathlib import Path

from condafs.builder.cage.kernel import syscall
from condafs.builder.cage.public import look_for_public

_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_GET_VERSION = 1
_RULE_PATH_BENEATH = 1

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR = (1 << bit for bit in range(4))
_MAKE_DEVICES = 1 << 6 | 1 << 11
_REFER, _TRUNCATE = 1 << 13, 1 << 14
_READ = _EXECUTE | _READ_FILE | _READ_DIR
_WRITE = _WRITE_FILE | sum(1 << bit for bit in range(4, 13))
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE
_SCOPE_ALL = 0b11  # abstract sockets, signals

LINKING_ABI, TRUNCATING_ABI, SCOPING_ABI = 2, 3, 6


def landlock_abi() -> int:
    """What this kernel knows; 0: nothing, or it is switched off."""
    try:
        return syscall(_CREATE_RULESET, None, 0, _GET_VERSION)
    except OSError:
        return 0


def restrict_writing(writable: Iterable[Path]) -> None:
    """Let this process change nothing but what is below these paths; reading stays as it is.

    Raises:
        OSError: It cannot be done, or there is no such path.
    """
    changes = _WRITE | _since(LINKING_ABI, _REFER) | _since(TRUNCATING_ABI, _TRUNCATE)
    enforce(_make(changes, [(path, changes) for path in writable]))


def make_ruleset(readable: Iterable[Path], writable: Iterable[Path], public: Iterable[Path] = ()) -> int:
    """Rules: read and execute what is below `readable`, do so and change what is below `writable`, no more.

    Of `public`, what everybody may read. Devices can be made nowhere. Paths that are not there and cannot be written to
    are passed over.

    Returns:
        A descriptor for `enforce`, in this process or a child of it.

    Raises:
        OSError: It cannot be done, or there is no such path to write to.
    """
    changes = _WRITE | _since(LINKING_ABI, _REFER) | _since(TRUNCATING_ABI, _TRUNCATE)
    rules = [(path, _READ) for path in readable if path.exists()]
    known = [Path(os.path.realpath(path)) for path, _ in rules]
    rules += [(path, _READ | changes & ~_MAKE_DEVICES) for path in writable]
    ruleset = _make(_READ | changes, rules)
    look_for_public(public, known, lambda fd: _add(ruleset, fd, _READ_FILE | _EXECUTE, of_directory=_READ_DIR))
    return ruleset


def enforce(ruleset: int) -> None:
    """Bind this process, which has given up privileges to gain, by rules for good; closes the descriptor.

    Raises:
        OSError: It cannot be done.
    """
    try:
        syscall(_RESTRICT_SELF, ruleset, 0)
    finally:
        os.close(ruleset)


def _since(abi: int, right: int) -> int:
    return right if landlock_abi() >= abi else 0


def _make(handled: int, rules: Sequence[tuple[Path, int]]) -> int:
    abi = landlock_abi()
    attributes = struct.pack("<QQQ", handled, 0, _SCOPE_ALL if abi >= SCOPING_ABI else 0)
    size = 24 if abi >= SCOPING_ABI else 8
    ruleset = syscall(_CREATE_RULESET, attributes, size, 0)
    try:
        for path, rights in rules:
            fd = os.open(path, os.O_PATH | os.O_CLOEXEC)
            try:
                _add(ruleset, fd, rights & _OF_FILES, of_directory=rights)
            finally:
                os.close(fd)
    except OSError:
        os.close(ruleset)
        raise
    return ruleset


def _add(ruleset: int, fd: int, rights: int, *, of_directory: int) -> None:
    """Rights of a file; or of a directory and of all that is below it."""
    wanted = of_directory if stat.S_ISDIR(os.fstat(fd).st_mode) else rights
    syscall(_ADD_RULE, ruleset, _RULE_PATH_BENEATH, struct.pack("<Qi", wanted, fd), 0)
