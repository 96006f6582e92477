"""`condafs-dynamic/python.eq.3.12/numpy` as a specification: each component behind the first is one match spec.

A repository's name has small letters, digits and `.`, `_`, `__`, `-` between them. So operators are words::

    component   ::= package [ "." constraint ]*
    constraint  ::= operator "." version

    numpy                       numpy
    python.eq.3.12              python =3.12        3.12 and all that begins with it: conda's `=`
    numpy.exact.1.26.4          numpy ==1.26.4
    numpy.ge.1.26.lt.2          numpy >=1.26,<2
    numpy.ne.1.26.3             numpy !=1.26.3      and gt, le
    ruamel.yaml.gt.0.17         ruamel.yaml >0.17   a package's name goes on to the first operator

A version begins with a digit. What this cannot spell has to be submitted as a file: packages that begin with `_`,
versions with an epoch (`1!2.0`) or a local part (`1.0+cu118`), builds, channels, `pip:` (the machine's default
channels are taken).

Neither order nor repetition nor spelling counts: the environment is called `dynamic-` and the first 16 hex digits of
the SHA-256 of the normalised match specs, sorted, one a line. The path is the whole specification, so the same path is
the same environment, for ever and everywhere.
"""

import json
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Self

from condafs.errors import SpecificationError
from condafs.names import EnvironmentName
from condafs.spec.match_spec import normalise_match_spec
from condafs.web.registry.refusals import Code, RegistryError

PREFIX = "condafs-dynamic"
"""First component of all repositories that are built when they are pulled."""

MAX_COMPONENTS = 64
MAX_COMPONENT_CHARACTERS = 200

OPERATORS = {"eq": "=", "exact": "==", "ge": ">=", "gt": ">", "le": "<=", "lt": "<", "ne": "!="}

_VERSION = re.compile(r"[0-9][0-9a-z._-]*")
_NAME = re.compile(r"dynamic-[0-9a-f]{16}")
_HASH_DIGITS = 16


@dataclass(frozen=True, slots=True)
class DynamicPath:
    """What is asked for.

    Attributes:
        specs: Normalised match specs, sorted, without duplicates; at least one.
    """

    specs: tuple[str, ...]

    @classmethod
    def parse(cls, components: list[str]) -> Self:
        """Read what stands behind `condafs-dynamic/`.

        Args:
            components: Of a repository's name.

        Raises:
            RegistryError: It does not spell match specs.
        """
        if not components:
            msg = f"packages are missing: {PREFIX}/python.eq.3.12/numpy has python =3.12 and numpy"
            raise RegistryError(Code.NAME_INVALID, msg)
        if len(components) > MAX_COMPONENTS:
            msg = f"{len(components)} packages: a repository can ask for {MAX_COMPONENTS}. Submit a file instead"
            raise RegistryError(Code.NAME_INVALID, msg)
        return cls(tuple(sorted({_read(component) for component in components})))

    @property
    def environment(self) -> EnvironmentName:
        """What the environment is called."""
        digest = sha256("\n".join(self.specs).encode()).hexdigest()
        return EnvironmentName(f"dynamic-{digest[:_HASH_DIGITS]}")

    def __str__(self) -> str:
        text = ", ".join(self.specs)
        return text if len(text) <= MAX_COMPONENT_CHARACTERS else f"{text[:MAX_COMPONENT_CHARACTERS]}…"

    @property
    def file(self) -> bytes:
        """The specification as a file."""
        lines = [f"# asked for as {PREFIX}/…", f"name: {self.environment}", "dependencies:"]
        lines += [f"- {json.dumps(spec)}" for spec in self.specs]
        return ("\n".join(lines) + "\n").encode()


def is_dynamic(name: str) -> bool:
    """Whether an environment is one that a path asked for, by its name."""
    return _NAME.fullmatch(name) is not None


def _read(component: str) -> str:
    """The normalised match spec that a component spells."""
    if len(component) > MAX_COMPONENT_CHARACTERS:
        msg = f"{component[:40]}… has more than {MAX_COMPONENT_CHARACTERS} characters"
        raise RegistryError(Code.NAME_INVALID, msg)
    package, constraints = _split(component)
    version = ",".join(f"{OPERATORS[word]}{version}" for word, version in constraints)
    try:
        return str(normalise_match_spec(f"{package} {version}" if len(constraints) > 1 else f"{package}{version}"))
    except SpecificationError as error:
        hint = f" ({error.hint})" if error.hint else ""
        msg = f"{component!r} is no package: {error.message}{hint}"
        raise RegistryError(Code.NAME_INVALID, msg, {"component": component}) from None


def _split(component: str) -> tuple[str, list[tuple[str, str]]]:
    """`numpy.ge.1.26.lt.2` -> `numpy`, [("ge", "1.26"), ("lt", "2")]."""
    words = component.split(".")
    places = [place for place, word in enumerate(words) if place and word in OPERATORS]
    package = ".".join(words[: places[0]] if places else words)
    ends = [*places[1:], len(words)][: len(places)]
    constraints = [(words[place], ".".join(words[place + 1 : end])) for place, end in zip(places, ends, strict=True)]
    for word, version in constraints:
        if not _VERSION.fullmatch(version):
            msg = f"{component!r}: behind .{word} comes a version, which begins with a digit, as in numpy.{word}.1.26"
            raise RegistryError(Code.NAME_INVALID, msg, {"component": component})
    return package, constraints
