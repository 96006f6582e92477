"""Sums of the files of a build that no package's manifest vouches for, written while sealing: they are few.

conda-meta says what packages brought. What they did not bring (conda-meta itself, what pip, post-link scripts and
compilers wrote, condafs's own files) is in `conda-meta/condafs/sums`, whose own sum the marker has: so everything in a
build can be checked, to the last byte, with nothing but the build.

Format: sha256sum(1)'s, `<64 hex digits>  <path>` a line, sorted by path; a line whose path holds a backslash or an end
of line begins with a backslash, and they are escaped. `cd PREFIX && sha256sum -c conda-meta/condafs/sums` reads it.
"""

import errno
import hashlib
import os
import re
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from condafs.prefix.early_records import KnownRecord
from condafs.prefix.layout import OWN_DIRECTORY, OWN_INVENTORY, SUMS
from condafs.prefix.walk import Rows

_LINE = re.compile(r"(\\?)([0-9a-f]{64}) [ *](.+)", re.DOTALL)
_ESCAPED = {"\\": "\\\\", "\n": "\\n", "\r": "\\r"}
_UNESCAPED = {value: key for key, value in _ESCAPED.items()}


@dataclass(frozen=True, slots=True)
class Provenance:
    """What the builder knows of files that no manifest has.

    Attributes:
        told: Path -> SHA-256 of files that are hard links into a cache which knows it.
        untold: Paths of those of which it does not.
        rewritten: Paths of what was made anew although a package has it.
        has_foreign: Whether scripts or pip ran here. A file of theirs may have the size that a manifest says, and
            another content; what is shared with the package cache they could not write to.
    """

    told: Mapping[str, str] = field(default_factory=dict)
    untold: Collection[str] = ()
    rewritten: Collection[str] = ()
    has_foreign: bool = False


UNKNOWN = Provenance(has_foreign=True)


def find_sums(
    prefix: Path, records: Mapping[str, KnownRecord], rows: Rows, own_rows: Rows, provenance: Provenance
) -> dict[str, str]:
    """Path -> SHA-256 of every file that conda-meta does not know as it is.

    Of tens of thousands of files nearly all are links into the package cache, which only the installer makes: unless
    others were at work, their packages' manifests have them, and only files with one name are looked at closer.

    Args:
        prefix: Sealed but for the list itself and the marker.
        records: Of conda-meta, by file name.
        rows: Of the inventory.
        own_rows: Of condafs's own directory.
        provenance: What is known already.
    """
    digests: dict[str, tuple[int, str]] = {}
    originals: set[str] = set()
    sums, unknown = {}, {*provenance.untold, *provenance.rewritten, OWN_INVENTORY}
    for name, known in records.items():
        digests.update(known.digests)
        originals.update(known.originals)
        unknown.update(known.unsummed)
        sums[f"conda-meta/{name}"] = known.sha256
    single = rows.files(is_shared=False)
    told = provenance.told.keys() - single
    if provenance.has_foreign:
        shared = rows.files(is_shared=True)
        told &= shared.keys()
        unknown |= single.keys() | _unlike(shared, digests)
    else:
        unknown |= _unlike(single, digests)
    own = own_rows.files(is_shared=False).keys() | own_rows.files(is_shared=True)
    unknown |= {f"{OWN_DIRECTORY}/{path}" for path in own} - originals
    sums |= {path: provenance.told[path] for path in told}
    for path in sorted(unknown - sums.keys()):
        with suppress(FileNotFoundError, IsADirectoryError):  # removed after all, or a link in its place
            sums[path] = hash_file(f"{prefix}/{path}")
    return sums


def _unlike(files: Mapping[str, int], known: Mapping[str, tuple[int, str]]) -> set[str]:
    """Files that no manifest knows in this size."""
    return {path for path, size_bytes in files.items() if known.get(path, _NOTHING)[0] != size_bytes}


_NOTHING = (-1, "")


def write_sums(prefix: Path, sums: Mapping[str, str]) -> str:
    """Write the list; returns its own SHA-256 in hex. What is there is replaced by one rename."""
    text = format_sums(sums)
    place = prefix / SUMS
    fresh = place.with_name(f".{place.name}")
    directory = place.parent
    mode = directory.stat().st_mode & 0o7777
    directory.chmod(mode | 0o200)  # sealed
    try:
        fresh.unlink(missing_ok=True)
        fresh.write_bytes(text)
        fresh.chmod(0o444)
        fresh.replace(place)
    finally:
        directory.chmod(mode)
    return hashlib.sha256(text).hexdigest()


def format_sums(sums: Mapping[str, str]) -> bytes:
    """The lines."""
    return os.fsencode("".join(_line(path, digest) for path, digest in sorted(sums.items())))


def _line(path: str, digest: str) -> str:
    escaped = re.sub(r"[\\\n\r]", lambda match: _ESCAPED[match[0]], path)
    return f"{'' if escaped == path else chr(92)}{digest}  {escaped}\n"


def parse_sums(text: bytes) -> dict[str, str]:
    """The inverse of `format_sums`; ValueError when a line is none."""
    return dict(map(_parse_line, _lines(text)))


def _lines(text: bytes) -> Iterator[str]:
    *lines, rest = os.fsdecode(text).split("\n")
    if rest:
        msg = "the list of sums ends in the middle of a line"
        raise ValueError(msg)
    return iter(lines)


def _parse_line(line: str) -> tuple[str, str]:
    match = _LINE.fullmatch(line)
    if not match:
        msg = f"no sum and path: {line[:100]!r}"
        raise ValueError(msg)
    path = re.sub(r"\\[\\nr]", lambda found: _UNESCAPED[found[0]], match[3]) if match[1] else match[3]
    return path, match[2]


def hash_file(path: str) -> str:
    """SHA-256 of a file in hex; others work meanwhile. FileNotFoundError when a link stands there, dead or not."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        if error.errno != errno.ELOOP:
            raise
        raise FileNotFoundError(errno.ENOENT, "a link, not a file", path) from None
    with os.fdopen(fd, "rb", buffering=0) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
