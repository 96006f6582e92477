"""Specifications that come over HTTP: checked, given a file of `.specs`, written there."""

import os
from dataclasses import dataclass

from condafs.client.envs import Envs, not_yours
from condafs.client.submission import build_of, parse_here, replace_specification
from condafs.errors import ForbiddenError, SpecificationError
from condafs.names import BuildName, spec_file_stem
from condafs.spec.credentials import mask_credentials
from condafs.spec.specification import Specification


@dataclass(frozen=True, slots=True)
class Submitted:
    """What became of a specification.

    Attributes:
        build: The build that it asks for.
        file_name: Where it was written.
    """

    build: BuildName
    file_name: str


def check(content: bytes, file_name: str) -> Specification:
    """What a text describes.

    Raises:
        SpecificationError: It is refused; says where.
    """
    specification = parse_here(content, file_name)
    if specification is None:
        msg = "this describes no environment: it is blank, or a note"
        raise SpecificationError(msg)
    return specification


def submit(envs: Envs, content: bytes, file_name: str, behalf: str) -> Submitted:
    """Write a specification as the file that describes its environment, and have it taken up.

    Args:
        envs: The mount.
        content: The file.
        file_name: How it is read; its stem is the environment's name when the text gives none.
        behalf: Name of the token.

    Raises:
        SpecificationError, UserError: It is refused.
        ForbiddenError: The environment belongs to somebody else.
        QuotaError: What the server's user may have is used up.
    """
    specification = check(content, file_name)
    build = build_of(specification)
    name = specification.name.text
    status = envs.find_status(name)
    if status and status.retired and os.geteuid() and status.owner not in {"", str(os.geteuid())}:
        raise not_yours(name, status.owner)
    suffix = file_name.rpartition(".")[2]
    chosen = status.file if status and status.file else f"{name}.{suffix}"
    if chosen.rpartition(".")[2] not in _LIKE[suffix]:
        msg = f"{name} is described by {chosen}, a file of another kind: retire {name} first, then submit it again"
        raise ForbiddenError(msg)
    if spec_file_stem(chosen) != name and check(content, chosen) != specification:
        msg = f"{name} is described by {chosen}, which needs a line `name: {name}`: write it into the specification"
        raise ForbiddenError(msg)
    replace_specification(envs.specs / chosen, content, behalf, is_private=_has_credentials(content))
    envs.find_status(name)  # waits until the file is taken up
    return Submitted(build, chosen)


def _has_credentials(content: bytes) -> bool:
    lines = content.decode("utf-8", "replace").splitlines()
    return any(mask_credentials(line) != line for line in lines)


_LIKE = {"yaml": {"yaml", "yml"}, "yml": {"yaml", "yml"}, "lock": {"lock"}, "txt": {"txt"}}
"""A file is read by its suffix."""
