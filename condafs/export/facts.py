"""What the index of an environment's layers remembers beside the bytes."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LaidOut:
    """A layer in the index.

    Attributes:
        start, size: Where it is, in bytes.
        key: 64 hex digits that stand for its content: equal keys, equal bytes.
        comment: What is in it, for people.
        package: `<name>-<version>-<build>`; "" for what is no single package's.
    """

    start: int
    size: int
    key: str
    comment: str
    package: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What an image says of its environment.

    Attributes:
        created: Unix seconds of the newest package.
        variables: What activation sets for packages and specification.
        has_python: Whether there is `bin/python`.
        lock_sha256: Of `conda-meta/condafs.lock`.
    """

    created: int
    variables: Mapping[str, str]
    has_python: bool
    lock_sha256: str
