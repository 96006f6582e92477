"""What changes without a new file, each one step in the mount: roll back, cancel, delete, retire, try again, renew."""

import errno
import os
import secrets

from condafs.client.envs import Envs, not_yours
from condafs.client.quota import read_quota
from condafs.errors import ForbiddenError, NotFoundError, QuotaError
from condafs.names import BuildName, behalf_name


def roll_back(envs: Envs, build: BuildName, behalf: str = "") -> None:
    """Let a name point at a published build of it, as `ln -sfn` does it; until a specification is written again.

    Args:
        envs: The mount.
        build: Where to.
        behalf: On whose behalf the server does it; recorded in the history.

    Raises:
        ForbiddenError: The environment is retired, or belongs to somebody else.
    """
    name = build.name.text
    status = envs.status(name)
    if status.retired:
        msg = f"{name} is retired, so there is no name to move: write its specification again first"
        raise ForbiddenError(msg)
    temporary = envs.mount / (behalf_name(behalf) if behalf else f"Cu{secrets.token_hex(3)}")
    os.symlink(f"{name}@{build.digest}", temporary)  # noqa: PTH211 - the target is a text, not a path of this process
    try:
        temporary.replace(envs.mount / name)
    except PermissionError:
        temporary.unlink(missing_ok=True)
        raise not_yours(name, status.owner) from None
    except OSError:
        temporary.unlink(missing_ok=True)
        raise


def cancel(envs: Envs, name: str) -> str:
    """Stop the build that is queued, being made or waiting for its next try; returns its name.

    Raises:
        NotFoundError: There is none, or it ended just now.
        ForbiddenError: It belongs to somebody else.
    """
    status = envs.status(name)
    if not status.active_build:
        msg = f"nothing is being built for {name}: it is {status.state}"
        raise NotFoundError(msg)
    try:
        # Removing the log of a build in the making is how the mount is told to end it.
        envs.log(status.active_build).unlink()
    except PermissionError:
        raise not_yours(name, status.owner) from None
    except FileNotFoundError:
        msg = f"the build of {name} ended just now. See: condafs status {name}"
        raise NotFoundError(msg) from None
    return status.active_build


def renew(envs: Envs, build: BuildName) -> None:
    """Have a published build made again in its place, because it is damaged; it leads nowhere meanwhile.

    Raises:
        NotFoundError: It is not there.
        ForbiddenError: It belongs to somebody else.
    """
    link = envs.mount / str(build)
    try:
        os.utime(link, follow_symlinks=False)
    except FileNotFoundError:
        msg = f"there is no published build {build}"
        raise NotFoundError(msg) from None
    except PermissionError:
        raise not_yours(str(build), str(link.lstat().st_uid)) from None


def delete_build(envs: Envs, build: BuildName) -> None:
    """Remove a published build that no name points at.

    Raises:
        NotFoundError: It is not there.
        ForbiddenError: It is the current one, or belongs to somebody else.
    """
    try:
        (envs.mount / str(build)).unlink()
    except FileNotFoundError:
        msg = f"there is no published build {build}"
        raise NotFoundError(msg) from None
    except OSError as error:
        if error.errno not in {errno.EPERM, errno.EACCES, errno.EBUSY}:
            raise
        if envs.current_build(build.name.text) == build:
            msg = (
                f"{build} is the current build of {build.name}: roll back to another one first, or retire {build.name}"
            )
            raise ForbiddenError(msg) from None
        raise not_yours(str(build), str((envs.mount / str(build)).lstat().st_uid)) from None


def retire(envs: Envs, name: str, behalf: str = "") -> None:
    """Remove the specification of an environment; its builds stay.

    Args:
        envs: The mount.
        name: The environment.
        behalf: On whose behalf the server does it: the file first gets a name that says so.

    Raises:
        NotFoundError: No such environment, or it is retired already.
        ForbiddenError: It belongs to somebody else.
    """
    status = envs.status(name)
    if not status.file:
        msg = f"{name} is retired already"
        raise NotFoundError(msg)
    path = envs.specs / status.file
    try:
        if behalf:
            path = path.rename(path.with_name(behalf_name(behalf)))
        path.unlink(missing_ok=True)
    except FileNotFoundError:
        return  # somebody else was quicker
    except PermissionError:
        raise not_yours(name, status.owner) from None


def try_again(envs: Envs, name: str) -> None:
    """Try what the specification describes again now, if that failed, was cancelled, or waits.

    Raises:
        NotFoundError: No such environment, or it is retired.
        ForbiddenError: It belongs to somebody else.
        QuotaError: Its owner's quota is used up.
    """
    status = envs.status(name)
    if not status.file:
        msg = f"{name} is retired: it has no specification that could be tried again"
        raise NotFoundError(msg)
    try:
        (envs.specs / status.file).touch()
    except PermissionError:
        raise not_yours(name, status.owner) from None
    except OSError as error:
        if error.errno != errno.EDQUOT:
            raise
        used_up = read_quota(envs, int(status.owner)).used_up if status.owner.isdecimal() else ""
        raise QuotaError(used_up or f"{name}: a quota is used up") from None
