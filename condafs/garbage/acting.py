"""Root acts as the owner of the package cache while it empties that: what is made there is the owner's then.

What root makes in a directory of somebody else its owner can neither use nor clear away, and may have put links in the
way of. Only for programs that do nothing else meanwhile: it changes the whole process.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def acting_as_owner(directory: Path) -> Iterator[None]:
    """Be the owner of a directory; nothing changes for who is not root, or when it is missing.

    Raises:
        NotADirectoryError: It is a link, or something else.
    """
    try:
        fd = os.open(directory, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        yield
        return
    try:
        owner = os.fstat(fd)
    finally:
        os.close(fd)
    if os.geteuid() != 0 or owner.st_uid == 0:
        yield
        return
    groups, gid = os.getgroups(), os.getegid()
    os.setgroups([])
    os.setegid(owner.st_gid)
    os.seteuid(owner.st_uid)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(gid)
        os.setgroups(groups)
