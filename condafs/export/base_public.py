"""Which files a specification may name as the base of its image: those that only an administrator can change."""

import os
import stat
from pathlib import Path

from condafs.errors import UserError


def require_public(path: Path) -> None:
    """Refuse what is not an administrator's.

    The daemon may read more than who wrote the specification, and must not follow what others can change or hold up: a
    link, a directory of theirs, a mount by FUSE, our own among them.
    """
    trusted, place = {0, os.geteuid()}, Path("/")
    for name in ("", *path.parts[1:]):
        place /= name
        try:
            found = place.lstat()
        except OSError as error:
            msg = f"the base {path} of an image cannot be read: {error.strerror}"
            raise UserError(msg) from None
        is_last = place == path
        needed = stat.S_IROTH if is_last else stat.S_IXOTH
        is_right = stat.S_ISREG(found.st_mode) if is_last else stat.S_ISDIR(found.st_mode)
        is_ours = found.st_uid in trusted and not found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
        if ".." in path.parts or not is_right or not is_ours or not found.st_mode & needed or _is_fuse(found.st_dev):
            msg = (
                f"the base {path} of an image is not one that specifications may name, for {place} is a link, can be "
                "written to by others, or cannot be read by all: it has to be a file of the administrator's"
            )
            raise UserError(msg)


def _is_fuse(device: int) -> bool:
    text = Path("/proc/self/mountinfo").read_text(errors="surrogateescape")
    lines = (line.split() for line in text.splitlines())
    name = f"{os.major(device)}:{os.minor(device)}"
    return any(words[2] == name and words[words.index("-") + 1].startswith("fuse") for words in lines)
