"""`python -m condafs.service.mounter`: mounts and unmounts for a daemon that may not, as root, for the whole machine.

    mount MOUNTPOINT USER UNIT      before the daemon starts (ExecStartPre=): the connection is kept in the unit's
                                    descriptor store as `fuse`. When one is there whose mount still stands, the
                                    daemon takes that over; any other mount of condafs there is cleared away
    unmount MOUNTPOINT UNIT         after it ended (ExecStopPost=): only when the unit is being stopped, because after a
                                    crash, or for a restart, the next daemon takes the mount over
    clear MOUNTPOINT                when the unit has failed: nobody comes any more
    unmount-own MOUNTPOINT UNIT     the same for a user's own unit, whose daemon mounts by itself: when it is being
                                    stopped, or has given up, but not after a kill or for a restart

Units with a file system view of their own pass it on to what they run, even with full privileges (seen in an
experiment): so the first thing is to go where everybody is. mount(2) with a descriptor of /dev/fuse is what fusermount3
does as well; its options are those of linux/Documentation/filesystems/fuse.
"""

import ctypes
import errno
import os
import pwd
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from condafs.errors import CondafsError, MachineError
from condafs.filesystem.mounting import (
    FUSE_DEVICE,
    SOURCE,
    mount_at,
    raise_read_ahead,
    require_free,
    unmount,
)
from condafs.notify import Notifier

NAME = "fuse"
"""Of the connection in the descriptor store."""

LEDGER = "ledger"
"""Of the daemon, in its runtime directory."""

_CLONE_NEWNS = 0x20000  # linux/sched.h
_MNT_FORCE, _MNT_DETACH = 1, 2  # umount2(2)
_FLAGS = 2 | 4 | 1024  # MS_NOSUID, MS_NODEV, MS_NOATIME: mount(2)

_libc = ctypes.CDLL(None, use_errno=True)


def main(arguments: Sequence[str]) -> int:
    """Do what the unit asks for; the exit code."""
    notifier = Notifier.take(os.environ, os.getpid())
    try:
        match arguments:
            case ["mount", place, user, unit]:
                _enter_machine()
                mount(Path(place), user, unit, notifier)
            case ["unmount", place, unit]:
                _enter_machine()
                if _is_stopping(unit):
                    clear(Path(place))
            case ["unmount-own", place, unit]:
                if os.environ.get("SERVICE_RESULT") == "exit-code" or _is_stopping("--user", unit):
                    clear_own(Path(place))
            case ["clear", place]:
                _enter_machine()
                clear(Path(place))
            case _:
                sys.stderr.write(f"{__doc__}\n")
                return 2
    except CondafsError as error:
        sys.stderr.write(f"<3>{error}\n")
        return error.exit_code
    return 0


def mount(place: Path, user: str, unit: str, notifier: Notifier) -> None:
    """Have a connection in the store whose mount everybody sees.

    Args:
        place: Where; made when it is not there.
        user: Whose daemon serves it.
        unit: The daemon's.
        notifier: Of the unit.

    Raises:
        MachineError: It cannot be mounted there, or nobody keeps the connection.
    """
    found = mount_at(place)
    if _ask_systemd("show", "--property=NFileDescriptorStore", "--value", unit).strip() not in ("", "0"):
        if found and found.is_condafs:
            sys.stderr.write(f"the daemon takes over what is mounted at {place}\n")
            return
        notifier.drop(NAME)
    clear(place)
    if found := mount_at(place):
        msg = f"{place} is in use: {found.source} ({found.type}) is mounted there"
        raise MachineError(msg)
    place.mkdir(parents=True, exist_ok=True)
    require_free(place)
    _forget_ledger()
    connection = _mount(place, user)
    try:
        if fresh := mount_at(place):
            raise_read_ahead(fresh)
        notifier.keep(NAME, connection)
    finally:
        os.close(connection)


def _forget_ledger() -> None:
    """What daemons kept for each other was about another mount, though the new one may get its number."""
    if directory := os.environ.get("RUNTIME_DIRECTORY"):
        (Path(directory.partition(":")[0]) / LEDGER).unlink(missing_ok=True)


def clear(place: Path) -> None:
    """Unmount what condafs has mounted there, dead or alive, in use or not.

    Raises:
        MachineError: The kernel refuses.
    """
    while (found := mount_at(place)) and found.is_condafs:
        # With force: nobody is to wait for an answer, though some process may still hold the connection.
        if _libc.umount2(os.fsencode(place), _MNT_FORCE | _MNT_DETACH):
            number = ctypes.get_errno()
            if number == errno.EINVAL:
                return  # somebody else was quicker
            msg = f"{place} cannot be unmounted: {os.strerror(number)}"
            raise MachineError(msg)
        sys.stderr.write(f"unmounted {place}\n")


def clear_own(place: Path) -> None:
    """Unmount what condafs has mounted there for this user, dead or alive, in use or not.

    Raises:
        MachineError: What fusermount3 said.
    """
    while (found := mount_at(place)) and found.is_condafs:
        unmount(place)


def _is_stopping(*unit: str) -> bool:
    """Whether it is not to be started again; else it is restarted, by somebody or after a crash."""
    return "stop" in _ask_systemd("list-jobs", "--plain", "--no-legend", *unit).split()


def _mount(place: Path, user: str) -> int:
    """A new mount, which belongs to a user and is for everybody; its connection."""
    owner = pwd.getpwnam(user)
    try:
        connection = os.open(FUSE_DEVICE, os.O_RDWR | os.O_CLOEXEC)
    except OSError as error:
        msg = f"{FUSE_DEVICE} cannot be opened: {error.strerror}; try: modprobe fuse"
        raise MachineError(msg) from None
    options = f"fd={connection},rootmode=40000,user_id={owner.pw_uid},group_id={owner.pw_gid}"
    options += ",default_permissions,allow_other"
    kind = f"fuse.{SOURCE}".encode()
    if _libc.mount(SOURCE.encode(), os.fsencode(place), kind, _FLAGS, options.encode()):
        number = ctypes.get_errno()
        os.close(connection)
        msg = f"{place} cannot be mounted: {os.strerror(number)} ({options})"
        raise MachineError(msg)
    return connection


def _enter_machine() -> None:
    """See the mounts that everybody sees (setns(2), mount_namespaces(7))."""
    namespace = os.open("/proc/1/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if _libc.setns(namespace, _CLONE_NEWNS):
            msg = f"the machine's mounts are out of reach: {os.strerror(ctypes.get_errno())}"
            raise MachineError(msg)
    finally:
        os.close(namespace)


def _ask_systemd(*words: str) -> str:
    command = ["systemctl", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout  # noqa: S603 - fixed words


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
