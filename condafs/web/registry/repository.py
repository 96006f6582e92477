"""What a repository's name asks for: an environment, or packages that are built when they are pulled.

::

    foo                                   the environment foo
    default/foo                           the same: conda-store's clients put the namespace first
    condafs-dynamic/python.eq.3.12/numpy  see `dynamic_path`
"""

import re
from dataclasses import dataclass
from typing import Self

from condafs.web.ids import NAMESPACE
from condafs.web.registry.dynamic_path import PREFIX, DynamicPath
from condafs.web.registry.refusals import Code, RegistryError

MAX_CHARACTERS = 255
"""Of a name; clients have no more either (distribution/reference, `RepositoryNameTotalLengthMax`)."""

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_NAME = re.compile(f"{_COMPONENT}(?:/{_COMPONENT})*")
"""OCI distribution specification 1.1, "Pulling manifests"."""


@dataclass(frozen=True, slots=True)
class Repository:
    """A repository that there may be.

    Attributes:
        text: The name as it was asked for.
        name: What `repository_name` makes of the environment's name.
        path: The packages that are asked for; None when an environment is.
    """

    text: str
    name: str
    path: DynamicPath | None = None

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read a name.

        Raises:
            RegistryError: It is none, or there can be nothing of that name here.
        """
        if len(text) > MAX_CHARACTERS or not _NAME.fullmatch(text):
            msg = f"{text[:80]!r} is no repository: small letters and digits are, with '.', '_', '-' and '/' between"
            raise RegistryError(Code.NAME_INVALID, msg)
        first, *rest = text.split("/")
        if first == PREFIX and rest:
            path = DynamicPath.parse(rest)
            return cls(text, path.environment.text, path)
        if first == NAMESPACE and len(rest) == 1:
            return cls(text, rest[0])
        if rest:
            msg = f"there is no repository {text}: environments are called without a namespace, or with {NAMESPACE}/"
            raise RegistryError(Code.NAME_UNKNOWN, msg, {"name": text})
        return cls(text, first)
