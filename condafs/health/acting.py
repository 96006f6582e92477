"""Root acts as the owner of what it mends, in a process that cannot become root again.

What is made is the owner's then, links that lie in the way lead nowhere new, and the interpreters of builds, which run
to compile, are other people's code.
"""

import json
import os
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import NoReturn

from condafs.errors import CondafsError, ForbiddenError
from condafs.wording import user_text


class ChildError(CondafsError):
    """What went wrong in the process that acted for somebody."""


def run_as_owner(place: Path, function: Callable[[int], str]) -> str:
    """Call a function as the owner of a directory; what it says is all that comes back.

    Whoever may write beside the directory can put another in its place, or a link, at any moment. So it is opened
    once, and whose it is, is asked of what was opened, which is what the function works on.

    Args:
        place: The directory.
        function: Called here, or in a fork of this process that ends with it, with a descriptor (O_PATH) of it.

    Raises:
        FileNotFoundError, NotADirectoryError: There is no directory; a link to one is none.
        ForbiddenError: Another user asks, who is not root.
        ChildError: What it raised, when it ran in another process.
    """
    fd = os.open(place, os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        return _run(place, fd, function)
    finally:
        os.close(fd)


def _run(place: Path, fd: int, function: Callable[[int], str]) -> str:
    owner = os.fstat(fd)
    if owner.st_uid == os.geteuid():
        return function(fd)
    if os.geteuid() != 0:
        msg = f"{place} belongs to {user_text(str(owner.st_uid))}: let its owner, or root, repair it"
        raise ForbiddenError(msg)
    reading, writing = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of other threads: the child needs none
        child = os.fork()
    if not child:
        os.close(reading)
        _answer_and_exit(owner.st_uid, owner.st_gid, lambda: function(fd), writing)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        said = pipe.read()
    os.waitpid(child, 0)
    if not said:
        msg = f"the process that worked on {place} was killed"
        raise ChildError(msg)
    answer: dict[str, str] = json.loads(said)
    if "error" in answer:
        raise ChildError(answer["error"])
    return answer["result"]


def _answer_and_exit(uid: int, gid: int, function: Callable[[], str], writing: int) -> NoReturn:
    try:
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
        said = {"result": function()}
    except BaseException as error:  # noqa: BLE001 - a fork must not go on as its parent
        said = {"error": str(error) or type(error).__name__}
    try:
        with os.fdopen(writing, "w", encoding="utf-8") as pipe:
            json.dump(said, pipe)
    finally:
        os._exit(0)
