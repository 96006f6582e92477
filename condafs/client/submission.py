"""Writing specifications into a mount, and hearing why when it says no."""

import errno
import os
import secrets
from pathlib import Path

from condafs.client.envs import Envs, not_yours
from condafs.config import machine_platform
from condafs.errors import SpecificationError, UserError
from condafs.names import MAX_PREFIX_BYTES, BuildName, behalf_name, is_spec_file
from condafs.spec.canonical import digest_of
from condafs.spec.parse import parse
from condafs.spec.specification import Specification


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
        path.write_bytes(content)
    except OSError as error:
        raise _translated(error, path) from None


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
        return not_yours(str(path), str(path.stat().st_uid)) if path.exists() else error
    return UserError(_refusal(path)) if error.errno in {errno.EINVAL, errno.EBADMSG} else error


def _refusal(path: Path) -> str:
    try:
        return path.with_name(f"{path.name}.error").read_text(errors="replace")
    except OSError:
        return f"{path}: the specification is refused"
