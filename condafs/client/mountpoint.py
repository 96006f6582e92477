"""Which mount is meant: `--mount` or `$CONDAFS_MOUNT`, else the one that this machine has.

Source: /proc/self/mountinfo, whose fields proc_pid_mountinfo(5) describes.
"""

import errno
import os
import re
from pathlib import Path

from condafs.errors import MachineError, NotFoundError, UserError

MOUNTINFO = Path("/proc/self/mountinfo")
SOURCE = "condafs"
FILESYSTEM_TYPE = "fuse.condafs"


def parse_mountinfo(text: str) -> list[Path]:
    """Mount points of condafs, in the order in which they were mounted, without duplicates."""
    found: dict[Path, None] = {}
    for line in text.splitlines():
        before, separator, after = line.partition(" - ")
        place, kind = before.split(" "), after.split(" ")
        if separator and (kind[0] == FILESYSTEM_TYPE or (kind[0].startswith("fuse") and kind[1] == SOURCE)):
            found[Path(_unescape(place[4]))] = None
    return list(found)


def _unescape(text: str) -> str:
    return (
        re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), text)
        .encode("latin-1")
        .decode(errors="surrogateescape")
    )


def mounts_of_machine() -> list[Path]:
    """Every condafs mount that this process can see."""
    # latin-1 keeps each byte one character, so that escaped and plain bytes of a name are decoded together.
    return parse_mountinfo(MOUNTINFO.read_text(encoding="latin-1"))


def is_shared(mount: Path, text: str | None = None) -> bool:
    """Whether other users than the one who mounted it may use a mount.

    Args:
        mount: Its place.
        text: Of mountinfo; None: as it is now.
    """
    lines = (MOUNTINFO.read_text(encoding="latin-1") if text is None else text).splitlines()
    return any(
        mount == Path(_unescape(before.split(" ")[4])) and "allow_other" in after.split(" ")[2].split(",")
        for before, separator, after in (line.partition(" - ") for line in lines)
        if separator
    )


def is_answering(mount: Path) -> bool:
    """Whether a daemon stands behind the mount and lets this user in."""
    try:
        os.statvfs(mount)  # asks the daemon; .specs alone may be known to the kernel for a while after it died
        return (mount / ".specs").is_dir()
    except OSError:
        return False


def find_mount(chosen: Path | None = None) -> Path:
    """The mount that a command is about.

    Args:
        chosen: What the user named; it is taken when condafs answers there.

    Raises:
        NotFoundError: No mount.
        MachineError: There is one, but its daemon is gone.
        UserError: There are several, and the working directory is below none of them.
    """
    if chosen:
        chosen = chosen.expanduser().absolute()
        _require_answer(chosen)
        return chosen
    mounts = mounts_of_machine()
    answering = [mount for mount in mounts if is_answering(mount)]
    here = Path(os.environ.get("PWD") or Path.cwd())
    around = [mount for mount in answering if here.is_relative_to(mount)]
    if around:
        return max(around, key=lambda mount: len(mount.parts))
    if len(answering) == 1:
        return answering[0]
    if answering:
        msg = f"there are several mounts: {', '.join(map(str, answering))}. Choose one with --mount or $CONDAFS_MOUNT"
        raise UserError(msg)
    if mounts:
        _require_answer(mounts[0])
    msg = "no condafs is mounted here. Start one: condafs mount DIRECTORY (or name it with --mount)"
    raise NotFoundError(msg)


def _require_answer(mount: Path) -> None:
    try:
        os.statvfs(mount)  # as in is_answering
        (mount / ".specs").stat()
    except FileNotFoundError:
        msg = f"{mount} is not a condafs mount: it has no .specs. Start one there: condafs mount {mount}"
        raise NotFoundError(msg) from None
    except OSError as error:
        if error.errno == errno.ENOTCONN:
            msg = f"the daemon behind {mount} is gone. Start it again: condafs mount {mount}"
            raise MachineError(msg) from None
        if isinstance(error, PermissionError):
            msg = f"the mount {mount} belongs to another user, who did not allow others in"
            raise UserError(msg) from None
        msg = f"{mount} does not answer: {error.strerror}"
        raise MachineError(msg) from None
