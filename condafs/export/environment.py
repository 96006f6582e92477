"""An environment as its packages made it, as values: what exports are made of.

`restoration` reads it from a sealed prefix.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from condafs.export.member import Kind, Source
from condafs.prefix.records import PackageRecord

NOBODY = -1
"""Owner of what no package has: the environment itself."""

_YEAR_9999 = 253_402_300_799
"""A package's timestamp above it is in milliseconds; very old ones have seconds."""


@dataclass(frozen=True, slots=True)
class Relocatable:
    """Content that a prefix has to be written into.

    Attributes:
        content: With the placeholder inside.
        placeholder: What stands where the prefix belongs.
        is_binary: Whether it stands in strings that end with NUL and must keep their length.
    """

    content: Source | bytes
    placeholder: str
    is_binary: bool


Content: TypeAlias = Source | bytes | Relocatable


@dataclass(frozen=True, slots=True)
class Item:
    """What stands at one path of an environment.

    Attributes:
        owner: Number of its package, or NOBODY.
        mtime: Whole seconds since 1970: the package's own; of what nobody has, when the newest package was made.
        content: Of a file.
        target: Of a link.
        original_path: Where its package has it, when another package's file stands there; else "".
    """

    path: str
    kind: Kind
    owner: int
    mtime: int
    is_executable: bool = False
    content: Content = b""
    target: str = ""
    original_path: str = ""


@dataclass(frozen=True, slots=True)
class Environment:
    """A sealed prefix as its packages made it.

    Attributes:
        prefix: Where its files are.
        records: Its packages.
        items: All files and links by path, and empty directories; without `conda-meta/*.json`, which the records are.
        created: Unix seconds of the newest package, 0 when there is none.
    """

    prefix: Path
    records: Sequence[PackageRecord]
    items: Sequence[Item]
    created: int


def package_time(record: PackageRecord) -> int:
    """When a package was made, in Unix seconds; 0 when it does not say."""
    moment = int(record.get("timestamp") or 0)
    return moment // 1000 if moment > _YEAR_9999 else moment


def record_path(record: PackageRecord) -> str:
    """Where a package is recorded, below the prefix."""
    return f"conda-meta/{record['name']}-{record['version']}-{record['build']}.json"
