"""Numbers that conda-store's clients call things by, made from names: nothing is kept, and every machine has the same.

A build is the first 52 bits of its digest, an environment those of the SHA-256 of its name: what JavaScript's numbers
hold exactly. A hundred thousand builds meet by chance once in a million such catalogs; then the first one answers.
"""

import hashlib
import re

from condafs.catalog.reader import Snapshot
from condafs.catalog.records import BuildRecord
from condafs.errors import InvalidNameError, NotFoundError
from condafs.names import BUILD, DIGEST, BuildName, EnvironmentName, SpecDigest

_HEX_DIGITS = 13
_NUMBER = re.compile(r"\d{1,16}")

NAMESPACE = "default"
"""The one namespace."""
NAMESPACE_ID = 1


def build_id(digest: SpecDigest) -> int:
    """The number of a build."""
    return int(digest.hex[:_HEX_DIGITS], 16)


def environment_id(name: str) -> int:
    """The number of an environment."""
    return int(hashlib.sha256(name.encode()).hexdigest()[:_HEX_DIGITS], 16)


def find_build(snapshot: Snapshot, text: str) -> BuildRecord:
    """The build of a number, a digest or a build's name.

    Raises:
        InvalidNameError: It is none of these.
        NotFoundError: No such build.
    """
    record: BuildRecord | None = None
    if DIGEST.fullmatch(text):
        record = snapshot.build(SpecDigest(text))
    elif _NUMBER.fullmatch(text):
        if (number := int(text)) < 1 << 4 * _HEX_DIGITS:
            record = snapshot.build_beginning(f"{number:0{_HEX_DIGITS}x}")
    elif BUILD.fullmatch(text):
        wanted = BuildName.parse(text)
        record = snapshot.build(wanted.digest)
        record = record if record and record.build == wanted else None
    else:
        msg = f"{text!r} is no build: its number, its digest or its full name is"
        raise InvalidNameError(msg)
    if record is None:
        msg = f"there is no build {text}"
        raise NotFoundError(msg)
    return record


def parse_namespace(text: str) -> None:
    """There is one namespace.

    Raises:
        NotFoundError: It is another.
    """
    if text != NAMESPACE:
        msg = f"there is no namespace {text!r}: {NAMESPACE!r} is the only one"
        raise NotFoundError(msg)


def parse_environment(namespace: str, name: str) -> EnvironmentName:
    """The name in a route.

    Raises:
        NotFoundError: Another namespace.
        InvalidNameError: It can be no name.
    """
    parse_namespace(namespace)
    return EnvironmentName(name)
