"""What condafs needs of a machine, as checks that say what was found and what to do; used by `mount` and `doctor`.

Each check looks and returns. None changes anything, but `state_findings` makes and removes a few files of its own.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from condafs.builder.cage.level import Level as Cage
from condafs.builder.cage.level import Reached, refusal
from condafs.config import Settings
from condafs.config.sharing import find_sharing
from condafs.errors import MachineError
from condafs.names import MAX_PREFIX_BYTES, SpecDigest
from condafs.wording import group_text, size_text

FUSE_DEVICE = Path("/dev/fuse")
FUSE_CONFIGURATION = Path("/etc/fuse.conf")
_SCARCE_BYTES = 5_000_000_000
_FULL_BYTES = 200_000_000
_SHORT_NAME_BYTES = 16
_FRAGILE_FILESYSTEMS = {"nfs": "network", "nfs4": "network", "cifs": "network", "smb3": "network", "9p": "shared"}


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    PROBLEM = "problem"


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of one check.

    Attributes:
        subject: What was looked at, in a word or two.
        message: What was found.
        remedy: What to do about it, "" when all is well.
    """

    subject: str
    level: Level
    message: str
    remedy: str = ""


def fuse_findings(*, is_root: bool, device: Path = FUSE_DEVICE) -> Iterator[Finding]:
    """Whether this user can mount."""
    if not device.exists():
        remedy = "modprobe fuse (as root); in a container: --device /dev/fuse --cap-add SYS_ADMIN"
        yield Finding("FUSE device", Level.PROBLEM, f"there is no {device}", remedy)
    elif not os.access(device, os.R_OK | os.W_OK):
        remedy = f"chmod 666 {device} (as root), or join the group that owns it"
        yield Finding("FUSE device", Level.PROBLEM, f"you may not open {device}", remedy)
    else:
        yield Finding("FUSE device", Level.OK, f"{device} can be opened")
    if found := shutil.which("fusermount3"):
        yield Finding("fusermount3", Level.OK, found)
    elif is_root:
        yield Finding("fusermount3", Level.OK, "not installed; root mounts without it")
    else:
        remedy = "apt install fuse3 (as root), or the package of that name on your system"
        yield Finding("fusermount3", Level.PROBLEM, "not installed, and only root can mount without it", remedy)


def sharing_findings(
    *, is_root: bool, allow_other: bool | None, configuration: Path = FUSE_CONFIGURATION
) -> Iterator[Finding]:
    """Whether other users can be let in, when that is wanted."""
    try:
        lines = configuration.read_text(errors="replace").split("\n")
    except OSError:
        lines = []
    is_allowed = is_root or any(line.strip() == "user_allow_other" for line in lines)
    wanted = is_root if allow_other is None else allow_other
    if wanted and not is_allowed:
        remedy = f"write the line user_allow_other into {configuration} (as root), or set allow-other: no"
        yield Finding("other users", Level.PROBLEM, "allow-other is set, but only root may allow it here", remedy)
    else:
        yield Finding("other users", Level.OK, "see the mount" if wanted else "do not see the mount (allow-other: no)")


def sandbox_finding(setting: str, reached: Reached) -> Finding:
    """Whether what packages bring is kept from the rest of the machine."""
    if problem := refusal(setting, reached):
        remedy = "apt install bubblewrap (as root), or use the service (unit); or lower the demand: sandbox: auto"
        return Finding("sandbox", Level.PROBLEM, f"no build will be made: {problem}", remedy)
    if reached.level is Cage.NONE and setting == str(Cage.NONE):
        return Finding("sandbox", Level.WARNING, "none, as the settings want it: packages' scripts may do what you may")
    if reached.level is Cage.NONE:
        remedy = "a kernel with Landlock (Linux 5.13 or newer), and bubblewrap"
        return Finding("sandbox", Level.WARNING, f"{reached.text}: packages' scripts may do what you may", remedy)
    is_lacking = bool(reached.lacks) and reached.level < Cage.BUBBLEWRAP
    remedy = "apt install bubblewrap (as root), or the package of that name on your system" if is_lacking else ""
    return Finding("sandbox", Level.WARNING if is_lacking else Level.OK, reached.text, remedy)


def group_findings(settings: Settings) -> Iterator[Finding]:
    """Who may make environments."""
    try:
        sharing = find_sharing(settings)
    except MachineError as error:
        yield Finding("who may write", Level.PROBLEM, "nobody: a group is missing", str(error))
        return
    if not settings.is_shared:
        yield Finding("who may write", Level.OK, "you, for nobody else sees the mount")
    elif sharing.problem:
        yield Finding("who may write", Level.WARNING, "only root: a group is missing", sharing.problem)
    elif sharing.gid is None:
        yield Finding("who may write", Level.OK, f"specs-mode {sharing.permissions:o}")
    else:
        yield Finding("who may write", Level.OK, f"members of the group {group_text(sharing.gid)}")


def state_findings(settings: Settings) -> Iterator[Finding]:
    """Whether environments can be kept in the state directory."""
    state, existing = settings.state, _existing(settings.state)
    if not existing.is_dir():
        yield Finding(
            "state directory", Level.PROBLEM, f"{existing} is not a directory", "choose another one with --state"
        )
        return
    if not os.access(existing, os.W_OK | os.X_OK):
        remedy = "choose another one with --state, or let its owner start condafs"
        yield Finding("state directory", Level.PROBLEM, f"you may not write to {existing}", remedy)
        return
    yield Finding("state directory", Level.OK, str(state) if state.exists() else f"{state} will be made")
    yield _name_length(settings)
    yield from _filesystem(existing)


def _existing(path: Path) -> Path:
    """The path itself, or the nearest directory above it that is there."""
    return next(place for place in (path, *path.parents) if place.exists())


def builder_findings(settings: Settings) -> Iterator[Finding]:
    """Whether builders are where the settings say, when they are another user."""
    path = settings.builder_socket
    if path is None:
        return
    if path.is_socket():
        yield Finding("builders", Level.OK, f"are another user, behind {path}")
    else:
        remedy = "systemctl start condafs-build.socket; or take the setting builder-socket out"
        yield Finding("builders", Level.PROBLEM, f"there is no socket {path} (builder-socket)", remedy)


def room_findings(settings: Settings) -> Iterator[Finding]:
    """Whether there is room for new environments. Those that are there can be served from a full disk."""
    usage = os.statvfs(_existing(settings.state))
    free = usage.f_bavail * usage.f_frsize
    remedy = "make room, or choose another disk with --state"
    if free < _FULL_BYTES:
        yield Finding("disk space", Level.PROBLEM, f"{size_text(free)} free", remedy)
    elif free < _SCARCE_BYTES:
        yield Finding("disk space", Level.WARNING, f"{size_text(free)} free: one large environment needs that", remedy)
    else:
        yield Finding("disk space", Level.OK, f"{size_text(free)} free")
    if usage.f_files and usage.f_favail < 100_000:  # noqa: PLR2004 - two large environments
        yield Finding("inodes", Level.WARNING, f"{usage.f_favail} free; an environment has up to 40,000 files", remedy)


def _name_length(settings: Settings) -> Finding:
    """Conda packages hold a place of 255 bytes for the prefix: what the state directory takes, names cannot have."""
    digest_and_dash = len(SpecDigest("0" * 64).hex) + 1
    left = MAX_PREFIX_BYTES - len(os.fsencode(settings.builds)) - 1 - digest_and_dash
    if left < 1:
        remedy = "choose a shorter one with --state"
        return Finding("path length", Level.PROBLEM, f"{settings.builds} is too long for conda packages", remedy)
    level = Level.OK if left >= _SHORT_NAME_BYTES else Level.WARNING
    remedy = "" if level is Level.OK else "choose a shorter one with --state"
    return Finding("path length", level, f"names of environments can have {left} bytes", remedy)


def _filesystem(directory: Path) -> Iterator[Finding]:
    kind, options = _mounted_on(directory)
    if kind in _FRAGILE_FILESYSTEMS:
        message = f"{directory} is on a {_FRAGILE_FILESYSTEMS[kind]} filesystem ({kind}); the catalog needs a local one"
        yield Finding("filesystem", Level.WARNING, message, "choose a local disk with --state")
    if "noexec" in options:
        message = f"{directory} is mounted noexec: nothing in an environment could be started"
        yield Finding("filesystem", Level.PROBLEM, message, "choose another disk with --state")
    missing = list(_missing_features(directory))
    if missing:
        message = f"{kind}: no {', no '.join(missing)}"
        yield Finding("filesystem", Level.WARNING, message, "ext4, xfs, btrfs and tmpfs have all of it")
    else:
        yield Finding("filesystem", Level.OK, f"{kind}: hard links, symbolic links, user attributes")


def _missing_features(directory: Path) -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix=".condafs-check-", dir=directory) as place:
        file = Path(place) / "file"
        file.touch()
        try:
            (Path(place) / "hard").hardlink_to(file)
        except OSError:
            yield "hard links (every environment is a full copy of its packages)"
        try:
            (Path(place) / "soft").symlink_to(file)
        except OSError:
            yield "symbolic links (environments cannot be made)"
        try:
            os.setxattr(file, "user.condafs.check", b"1")
        except OSError:
            yield "user attributes (who wrote a specification is forgotten when the daemon starts again)"


def _mounted_on(directory: Path) -> tuple[str, set[str]]:
    """Type and options of the filesystem a directory is on (proc_pid_mountinfo(5))."""
    device = directory.stat().st_dev
    wanted = f"{os.major(device)}:{os.minor(device)}"
    kind, options = "unknown", set[str]()
    best = -1
    for line in Path("/proc/self/mountinfo").read_text(encoding="latin-1").splitlines():
        before, _, after = line.partition(" - ")
        place = before.split(" ")
        length = len(Path(place[4]).parts)
        if place[2] == wanted and length > best and directory.resolve().is_relative_to(place[4]):
            best, kind, options = length, after.split(" ")[0], set(place[5].split(","))
    return kind, options
