"""What was asked for: the parsed, normalised specification, as values.

`parse` makes them, `canonical` turns them into bytes and a digest, `builder` builds them.
"""

from dataclasses import dataclass

from condafs.names import EnvironmentName
from condafs.spec.image import DEFAULT_IMAGE, ImageSettings


@dataclass(frozen=True, slots=True, order=True)
class LockedPackage:
    """One exact package of a lock or an `@EXPLICIT` list.

    Attributes:
        url: Where the archive is; credentials masked nowhere here (mask when shown).
        sha256: 64 hex digits, or "" when the list gives none.
        md5: 32 hex digits, or "".
    """

    url: str
    sha256: str = ""
    md5: str = ""


@dataclass(frozen=True, slots=True)
class Specification:
    """An environment as asked for, already normalised: equal values mean equal digests.

    Attributes:
        name: The environment's name.
        platform: conda subdir, as `linux-64`.
        channels: URLs or names in order of priority, without `nodefaults`; empty means the configured default.
        dependencies: Normalised match specs, sorted, without duplicates.
        pip: Lines of the `pip:` lists, in order (options are positional).
        variables: (name, value) pairs sorted by name.
        exclude_newer: `YYYY-MM-DD` or RFC 3339 UTC (`2026-11-01T12:00:00Z`), or "".
        packages: Exact packages, sorted; only when the file was a lock or an explicit list, which have no
            `dependencies` and `channels`.
        image: How a build is wrapped as a container image; no part of the identity, and never of a lock or a list.
    """

    name: EnvironmentName
    platform: str
    channels: tuple[str, ...] = ()
    dependencies: tuple[str, ...] = ()
    pip: tuple[str, ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    exclude_newer: str = ""
    packages: tuple[LockedPackage, ...] = ()
    image: ImageSettings = DEFAULT_IMAGE
