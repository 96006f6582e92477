"""Keeping builds from garbage collection, as `ln -s` and `rm` in `.pins` do it."""

import errno
import os
import secrets
from pathlib import Path

from condafs.client.envs import Envs, Pin, not_yours
from condafs.errors import ForbiddenError, InvalidNameError, MachineError, NotFoundError
from condafs.names import BuildName


def pin(envs: Envs, build: BuildName, label: str, *, may_replace: bool = False) -> None:
    """Keep a build until it is unpinned.

    Args:
        envs: The mount.
        build: A published one.
        label: What the pin is called.
        may_replace: Whether a pin of that label may lead elsewhere until now.

    Raises:
        NotFoundError: No such build.
        ForbiddenError: There is another pin of that label, or this user may pin nothing (more).
    """
    place = envs.mount / ".pins" / label
    known = next((pin for pin in envs.pins() if pin.label == label), None)
    if known and known.build == build:
        return
    if known and not may_replace:
        msg = f"the pin {label} keeps {known.build} already: take another label, or --force"
        raise ForbiddenError(msg)
    try:
        _link(f"../{build}", place, is_new=known is None)
    except PermissionError:
        raise _forbidden(envs, label, known) from None
    except OSError as error:
        raise _translated(error, label, build) from None


def unpin(envs: Envs, label: str) -> None:
    """Remove a pin.

    Raises:
        NotFoundError: There is none of that label.
        ForbiddenError: It belongs to somebody else.
    """
    place = envs.mount / ".pins" / label
    try:
        owner = str(place.lstat().st_uid)
        place.unlink()
    except FileNotFoundError:
        msg = f"there is no pin {label}: condafs pin lists them"
        raise NotFoundError(msg) from None
    except PermissionError:
        what = f"the pin {label}"
        raise not_yours(what, owner) from None


def _link(target: str, place: Path, *, is_new: bool) -> None:
    if is_new:
        os.symlink(target, place)  # noqa: PTH211 - the target is a text, not a path of this process
        return
    temporary = place.with_name(f"Cu{secrets.token_hex(3)}")
    os.symlink(target, temporary)  # noqa: PTH211 - as above
    try:
        temporary.replace(place)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def _forbidden(envs: Envs, label: str, known: Pin | None) -> ForbiddenError:
    if known:
        return not_yours(f"the pin {label}", str(known.owner_uid))
    group = (envs.mount / ".pins").stat().st_gid
    return ForbiddenError(f"you may not pin builds here: who may is the group of {envs.mount}/.pins (gid {group})")


def _translated(error: OSError, label: str, build: BuildName) -> Exception:
    """What the mount said by an errno, in words."""
    if error.errno == errno.ENOENT:
        return NotFoundError(f"there is no published build {build}, or the daemon behind the mount knows no pins")
    if error.errno in {errno.EINVAL, errno.ENAMETOOLONG}:
        return InvalidNameError(f"{label!r} cannot be a pin's label: up to 128 letters, digits and '_.+@-' can")
    if error.errno == errno.EDQUOT:
        return MachineError("you have as many pins as one user may have: unpin some (condafs pin lists them)")
    return error
