"""Before and after serving: is the mount point free, what does the machine lack, is a dead mount of ours in the way.

Source: /proc/self/mountinfo, proc_pid_mountinfo(5); fields are blank-separated, odd characters in octal.
"""

import errno
import logging
import os
import re
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path

import trio

from condafs.errors import MachineError

logger = logging.getLogger(__name__)

SOURCE = "condafs"
FUSE_DEVICE = Path("/dev/fuse")
FUSE_CONFIGURATION = Path("/etc/fuse.conf")
MOUNTINFO = Path("/proc/self/mountinfo")

_ESCAPED = re.compile(rb"\\([0-7]{3})")
_UNMOUNT_SECONDS = 20

ANSWER_SECONDS = 5
"""How long a mount that is in the way may take to show that it lives."""

READ_AHEAD_KIB = 2048
"""Two requests of 1 MiB, the most that one can ask for (FUSE_MAX_MAX_PAGES), are under way at a time then. By default
it is 128 KiB; with 1 or 4 MiB an export is read a tenth slower than with two (measured)."""


@dataclass(frozen=True, slots=True)
class Mount:
    """One line of mountinfo: what is mounted somewhere.

    Attributes:
        device: `0:52`, of this mount alone among those there are now.
        place: Where.
        type: Of the file system, as `fuse.condafs`.
        source: Its name, as `condafs`.
        is_shared: Whether other users are let in.
    """

    device: str
    place: Path
    type: str
    source: str
    is_shared: bool = False

    @property
    def is_condafs(self) -> bool:
        """Whether it is one of ours, dead or alive."""
        return self.source == SOURCE and self.type.startswith("fuse")


def parse_mountinfo(content: bytes) -> list[Mount]:
    """All mounts, in the order in which they were made: the last at a place is the one that is seen."""
    found = []
    for line in content.splitlines():
        before, separator, after = line.partition(b" - ")
        place, rest = before.split(b" "), after.split(b" ")
        if separator and len(place) > 4 and len(rest) > 1:  # noqa: PLR2004 - fields (5) and (10) of the manual page
            is_shared = b"allow_other" in b"".join(rest[2:3]).split(b",")
            names = _decode(rest[0]), _decode(rest[1])
            found.append(Mount(place[2].decode(), Path(_decode(place[4])), *names, is_shared))
    return found


def _decode(field: bytes) -> str:
    return os.fsdecode(_ESCAPED.sub(lambda match: bytes([int(match[1], 8)]), field))


def mount_at(mountpoint: Path) -> Mount | None:
    """What is mounted exactly there, if anything; what is mounted there is not asked, which may be dead."""
    place = mountpoint.parent.resolve() / mountpoint.name  # as the kernel lists it: /home may be a link
    mounts = [mount for mount in parse_mountinfo(MOUNTINFO.read_bytes()) if mount.place == place]
    return mounts[-1] if mounts else None


def find_mount(mount: Mount) -> Mount | None:
    """Where it is now, if anywhere: a directory above it may have been renamed."""
    same = [found for found in parse_mountinfo(MOUNTINFO.read_bytes()) if found.device == mount.device]
    return next((found for found in same if found.place == mount.place), same[0] if same else None)


def is_dead(mountpoint: Path) -> bool:
    """Whether the daemon behind a FUSE mount is gone. Blocking, for long when it hangs."""
    try:
        os.statvfs(mountpoint)
    except OSError as error:
        return error.errno in {errno.ENOTCONN, errno.ECONNABORTED}
    return False


def unmount(mountpoint: Path) -> None:
    """Take a mount away, at once even when it is in use. Blocking.

    Raises:
        MachineError: What fusermount3 said.
    """
    command = [fusermount(), "-u", "-z", "--", str(mountpoint)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=_UNMOUNT_SECONDS, check=False)  # noqa: S603 - a fixed command
    if ended.returncode:
        msg = f"{mountpoint} cannot be unmounted: {ended.stderr.strip()}"
        raise MachineError(msg)


def unmount_if_there(mount: Mount) -> None:
    """Take a mount away unless that has happened; what is mounted in its place stays. Blocking."""
    found = find_mount(mount)
    if found is None:
        return
    try:
        unmount(found.place)
    except (MachineError, subprocess.TimeoutExpired) as error:
        logger.warning("%s; by hand: fusermount3 -u -z %s", error, found.place)


async def clear_dead_mounts(mountpoint: Path) -> None:
    """Clear dead mounts of ours away.

    Raises:
        MachineError: What is mounted there is alive, or not ours.
    """
    while mount := mount_at(mountpoint):
        if not mount.is_condafs:
            msg = f"{mountpoint} is in use: {mount.source} ({mount.type}) is mounted there"
            raise MachineError(msg)
        dead = False
        with trio.move_on_after(ANSWER_SECONDS):
            dead = await trio.to_thread.run_sync(is_dead, mountpoint, abandon_on_cancel=True)
        if not dead:
            msg = f"{mountpoint} is in use: another condafs serves it"
            raise MachineError(msg)
        logger.info("clearing away the mount that a daemon left at %s", mountpoint)
        await trio.to_thread.run_sync(unmount, mountpoint)


def require_device() -> None:
    """MachineError when there is no /dev/fuse, it is not for this user, or there is no fusermount3."""
    try:
        is_device = stat.S_ISCHR(FUSE_DEVICE.stat().st_mode)
    except FileNotFoundError:
        is_device = False
    if not is_device:
        msg = (
            f"{FUSE_DEVICE} is missing: this kernel has no FUSE (try: modprobe fuse), "
            "or this is a container that was not given the device (try: --device /dev/fuse --cap-add SYS_ADMIN)"
        )
        raise MachineError(msg)
    if not os.access(FUSE_DEVICE, os.R_OK | os.W_OK):
        # fusermount3 opens it as the user who mounts, and becomes root only for what comes then.
        msg = f"{FUSE_DEVICE} is not for you; as root: chmod 666 {FUSE_DEVICE}, which is its usual mode"
        raise MachineError(msg)
    fusermount()


def fusermount() -> str:
    """The program that may mount for everybody.

    Raises:
        MachineError: There is none.
    """
    path = shutil.which("fusermount3", path=f"{os.environ.get('PATH', '')}:/usr/bin:/bin")
    if path is None:
        msg = "fusermount3 is missing: install the package fuse3"
        raise MachineError(msg)
    return path


def require_free(mountpoint: Path) -> None:
    """MachineError unless it is an empty directory on which nothing is mounted."""
    try:
        is_empty = not any(mountpoint.iterdir())
    except FileNotFoundError:
        msg = f"the mount point {mountpoint} does not exist: mkdir -p {mountpoint}"
        raise MachineError(msg) from None
    except NotADirectoryError:
        msg = f"the mount point {mountpoint} is not a directory"
        raise MachineError(msg) from None
    except OSError as error:
        msg = f"the mount point {mountpoint} cannot be used: {error.strerror}"
        raise MachineError(msg) from error
    if not is_empty:
        msg = f"the mount point {mountpoint} is not empty; what is in it would be hidden. Choose an empty directory"
        raise MachineError(msg)


def mount_options(*, allow_other: bool) -> set[str]:
    """Options of mount.fuse3(8).

    Raises:
        MachineError: Other users cannot be let in.
    """
    options = {f"fsname={SOURCE}", f"subtype={SOURCE}", "default_permissions"}
    if allow_other:
        if os.geteuid() != 0 and not _others_are_allowed():
            msg = (
                "only root can let other users in, unless /etc/fuse.conf has a line user_allow_other: "
                "add it, or mount without allow-other"
            )
            raise MachineError(msg)
        options.add("allow_other")
    return options


def _others_are_allowed() -> bool:
    try:
        lines = FUSE_CONFIGURATION.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return False
    return any(line.strip() == "user_allow_other" for line in lines)


def raise_read_ahead(mount: Mount) -> None:
    """Let the kernel read ahead as much of a large file as one request may ask for; root only, otherwise as it is.

    Requests follow the read-ahead, and each costs as much as copying a few hundred KiB. Source: sysfs-class-bdi.
    """
    try:
        Path(f"/sys/class/bdi/{mount.device}/read_ahead_kb").write_text(f"{READ_AHEAD_KIB}\n", encoding="ascii")
    except OSError as error:
        logger.info("exports are read in small pieces: %s", error)
