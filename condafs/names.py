"""The words that paths under the mount are made of, parsed once at the door.

Formats::

    environment name   letters, digits, '_', '.', '-', '+'; begins with a letter, digit or '_'
    digest             64 lower-case hex digits: the SHA-256 of a canonical specification
    build name         <digest>-<environment name>
    specification file eligible when it matches SPEC_FILE; anything else in .specs is a temporary or a note
    temporary          `.by=<label>=<random>`, renamed over a file or a name: says on whose behalf (see BEHALF)
"""

import re
import secrets
import sys
from dataclasses import dataclass
from typing import Self

from condafs.errors import InvalidNameError

NAME = re.compile(r"\w[\w.+-]*")
DIGEST = re.compile(r"[0-9a-f]{64}")
DIGEST_PREFIX = re.compile(r"[0-9a-f]{1,64}")
BUILD = re.compile(r"([0-9a-f]{64})-(.+)", re.DOTALL)
SPEC_FILE = re.compile(r"[A-Za-z0-9_][^/]*\.(ya?ml|lock|txt)")
"""Editors' and tools' temporary names all fall outside it (shared experiment: cp, vim, sed -i, rsync, git, mv)."""

SHORT_DIGEST_LENGTH = 12
"""Hex digits shown in `foo@3f2a9c1d77e0` and `.history`: as many as docker shows, 48 bits."""

MAX_PREFIX_BYTES = 255
"""conda packages hold a placeholder of 255 bytes where the prefix will be; a longer prefix cannot be written there."""

RESERVED_SUFFIXES = (".tar", ".oci")


@dataclass(frozen=True, slots=True, order=True)
class EnvironmentName:
    """A name that can stand in `/envs/<name>`, in a shebang and in a shell without quoting."""

    text: str

    def __post_init__(self) -> None:
        """Refuse what cannot be a name.

        Raises:
            InvalidNameError: with a sentence that says which rule it breaks.
        """
        if problem := _problem_with_name(self.text):
            raise InvalidNameError(problem)

    def __str__(self) -> str:
        return self.text


def _problem_with_name(text: str) -> str | None:  # noqa: PLR0911 - one sentence for each rule
    if not text:
        return "an environment's name cannot be empty"
    if text.startswith("."):
        return f"the name {text!r} begins with a dot: names with a leading dot belong to condafs itself"
    if BUILD.match(text):
        return f"the name {text!r} begins with 64 hex digits and a dash, which is how builds are called"
    if text.endswith(RESERVED_SUFFIXES):
        return f"the name {text!r} ends in {text[-4:]!r}: {text!r} would be the export of another environment"
    for character, why in (("/", "a path separator"), ("@", "what stands before a digest")):
        if character in text:
            return f"the name {text!r} contains {character!r}, {why}"
    if not NAME.fullmatch(text):
        return (
            f"the name {text!r} can hold letters, digits, '_', '.', '-' and '+' only, "
            "and begins with a letter, a digit or '_'"
        )
    return None


@dataclass(frozen=True, slots=True, order=True)
class SpecDigest:
    """The SHA-256 of a canonical specification: 64 lower-case hex digits."""

    hex: str

    def __post_init__(self) -> None:
        """Refuse anything but 64 lower-case hex digits (InvalidNameError)."""
        if not DIGEST.fullmatch(self.hex):
            msg = f"{self.hex!r} is not a digest: 64 lower-case hex digits are"
            raise InvalidNameError(msg)
        # Digests are dictionary keys all over the daemon: one object a digest, not one a read.
        object.__setattr__(self, "hex", sys.intern(self.hex))

    def __str__(self) -> str:
        return self.hex

    @property
    def short(self) -> str:
        """The first 12 digits, as `foo@<short>` shows them."""
        return self.hex[:SHORT_DIGEST_LENGTH]


@dataclass(frozen=True, slots=True, order=True)
class BuildName:
    """`<digest>-<name>`: one immutable build of one environment."""

    digest: SpecDigest
    name: EnvironmentName

    def __str__(self) -> str:
        return f"{self.digest}-{self.name}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `<64 hex>-<name>`; InvalidNameError when it is not of that form."""
        match = BUILD.fullmatch(text)
        if not match:
            msg = f"{text!r} is not the name of a build: <64 hex digits>-<environment name> is"
            raise InvalidNameError(msg)
        return cls(SpecDigest(match[1]), EnvironmentName(match[2]))


def is_spec_file(file_name: str) -> bool:
    """Whether a file of that name in `.specs` is a specification, not an editor's temporary or a note."""
    return SPEC_FILE.fullmatch(file_name) is not None


def spec_file_stem(file_name: str) -> str:
    """`foo.bar.yaml` -> `foo.bar`: the environment's name when the specification gives none."""
    return file_name.rpartition(".")[0]


BEHALF = re.compile(r"\.by=([A-Za-z0-9][A-Za-z0-9_.@-]{0,63})=[0-9a-f]{6,32}")
"""Who serves others (the HTTP server) writes under a temporary name of this form and renames it into place: the mount
knows users only, and this says which of the server's clients it was."""


def is_label(text: str) -> bool:
    """Whether a text can say on whose behalf something is done: letters, digits, `_.@-`, at most 64."""
    return BEHALF.fullmatch(f".by={text}=000000") is not None


def behalf_name(label: str) -> str:
    """A fresh temporary name that says on whose behalf; InvalidNameError when the label is none."""
    if not is_label(label):
        msg = (
            f"{label!r} cannot be a label: up to 64 letters, digits, '_', '.', '@' and '-' can, a letter or digit first"
        )
        raise InvalidNameError(msg)
    return f".by={label}={secrets.token_hex(6)}"


def behalf_of(name: str) -> str:
    """The label in a temporary name; "" in any other."""
    match = BEHALF.fullmatch(name)
    return match[1] if match else ""
