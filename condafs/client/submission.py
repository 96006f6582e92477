"""Writing specifications into a mount, and hearing why when it says no."""

import errno
import os
import secrets
import stat
from pathlib import Path

from condafs.client.envs import Envs, not_yours
from condafs.client.quota import read_quota
from condafs.config import machine_platform
from condafs.errors import ForbiddenError, QuotaError, SpecificationError, UserError
from condafs.names import MAX_PREFIX_BYTES, BuildName, behalf_name, is_spec_file
from condafs.spec.canonical import digest_of
from condafs.spec.parse import parse
from condafs.spec.specification import Specification
from condafs.wording import group_text, user_text


def parse_here(content: bytes, file_name: str) -> Specification | None:
    """Check a file where its writer can still see it; the mount checks it again.

    Returns:
        What it describes; None for a blank file or a note.

    Raises:
        SpecificationError: What is wrong with it, and where.
        UserError: A file of that name is no specification.
    """
    if not is_spec_file(file_name):
        msg = f"{file_name!r} is no specification: its name begins with a letter and ends in .yaml, .yml, .lock or .txt"
        raise UserError(msg)
    return parse(content, file_name, machine_platform(), MAX_PREFIX_BYTES)


def parse_or_refuse(content: bytes, file_name: str, shown_as: str) -> Specification:
    """As `parse_here`; whatever is wrong is a UserError whose text has the caret.

    Args:
        content: The file's bytes.
        file_name: Its last component, which decides how it is read.
        shown_as: What the text calls it.
    """
    try:
        specification = parse_here(content, file_name)
    except SpecificationError as error:
        raise UserError(error.render(shown_as)) from None
    if specification is None:
        msg = f"{shown_as} describes no environment: it is blank, or a note"
        raise UserError(msg)
    return specification


def build_of(specification: Specification) -> BuildName:
    """The build that a specification asks for."""
    return BuildName(digest_of(specification), specification.name)


def write_specification(envs: Envs, file_name: str, content: bytes) -> None:
    """As `cp` does it: the mount says no when the file is closed, and why in `<file>.error`."""
    path = envs.specs / file_name
    try:
        _overwrite(path, content)
    except OSError as error:
        raise _translated(error, path) from None


def _overwrite(path: Path, content: bytes) -> None:
    """As `write_bytes`, but that a file which is there is not opened as one to be made.

    In a directory with the sticky bit, the kernel may forbid that of other people's files even to those who may write
    to them, root among them (proc_sys_fs(5), protected_regular).
    """
    try:
        fd = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_CLOEXEC)
    except FileNotFoundError:
        path.write_bytes(content)
    else:
        with os.fdopen(fd, "wb") as file:
            file.write(content)


def replace_specification(path: Path, content: bytes, behalf: str = "", *, is_private: bool = False) -> None:
    """A whole file or none: a temporary one that is no specification by its name, renamed over the old one, if any.

    Args:
        path: A file of `.specs`.
        content: Its bytes from now on.
        behalf: On whose behalf the server writes; recorded in the history.
        is_private: Whether nobody but the owner is to read it.
    """
    temporary = path.with_name(behalf_name(behalf) if behalf else f".{path.name}.{secrets.token_hex(3)}")
    try:
        owner = path.stat() if path.exists() else None
        if is_private:
            temporary.touch(0o600)
        temporary.write_bytes(content)
        if owner:
            temporary.chmod(owner.st_mode & (0o7700 if is_private else 0o7777))
            if os.geteuid() == 0:
                os.chown(temporary, owner.st_uid, owner.st_gid)
        temporary.replace(path)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise _translated(error, path) from None


def _translated(error: OSError, path: Path) -> OSError | UserError:
    """What the mount said by an errno, in words, if it was about this file."""
    if isinstance(error, PermissionError):
        return _forbidden(error, path)
    if error.errno == errno.EDQUOT:
        used_up = read_quota(Envs(path.parent.parent)).used_up
        return QuotaError(_refusal(path, f"{path}: {used_up or 'a quota is used up'}"))
    if error.errno in {errno.EINVAL, errno.EBADMSG}:
        return UserError(_refusal(path, f"{path}: the specification is refused"))
    return error


def _forbidden(error: OSError, path: Path) -> OSError | UserError:
    """The file is somebody else's, or what it describes is, or `.specs` is not for this user."""
    try:
        owner_uid = path.stat().st_uid
    except OSError:
        owner_uid = os.geteuid()
    if owner_uid != os.geteuid():
        return not_yours(str(path), str(owner_uid))
    if error.errno == errno.EPERM:
        return ForbiddenError(_refusal(path, f"{path}: what it describes belongs to somebody else (condafs status)"))
    return _closed(path.parent) or error


def _closed(specs: Path) -> ForbiddenError | None:
    """Who may write to `.specs`, when this user may not."""
    if os.access(specs, os.W_OK):
        return None
    me, found = user_text(str(os.geteuid())), specs.stat()
    if not found.st_mode & stat.S_IWGRP:
        return ForbiddenError(f"you ({me}) may not write to {specs}: only {user_text(str(found.st_uid))} may")
    group = group_text(found.st_gid)
    return ForbiddenError(
        f"you ({me}) may not write to {specs}: members of the group {group} may. An administrator can make you one: "
        f"usermod --append --groups {group} {me} (then log in again)"
    )


def _refusal(path: Path, otherwise: str) -> str:
    """The message that the mount left beside a file."""
    try:
        return path.with_name(f"{path.name}.error").read_text(errors="replace")
    except OSError:
        return otherwise
