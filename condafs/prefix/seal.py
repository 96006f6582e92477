"""Sealing: from a finished installation to a build that nobody changes any more, and its removal one day.

Files are hard links into the package cache, so taking their write bits takes them from the cache's files as well.
That is meant: a write through one environment would change every other. It also means that the second environment
made of the same packages finds nothing left to do.
"""

import secrets
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from condafs.prefix.contents import write_packages
from condafs.prefix.early_records import EarlyRecords, KnownRecord
from condafs.prefix.externally_managed import refuse_installers
from condafs.prefix.inventory import begin_walk, write_inventory, write_own_rows
from condafs.prefix.originals import keep_originals
from condafs.prefix.pinning import pin_interpreters
from condafs.prefix.removal import remove_tree
from condafs.prefix.sound import require_own_directories
from condafs.prefix.sums import UNKNOWN, Provenance, find_sums, write_sums
from condafs.prefix.walk import Rows, Sums, close, walk

_TRASH = ".trash-"
_LONGEST_KEPT_NAME = 200
"""Characters of a removed directory's name that its trash name repeats; 255 bytes are the most a name may have."""


@dataclass(frozen=True, slots=True)
class Sealed:
    """A prefix that nobody changes any more.

    Attributes:
        inventory: Sums of sizes.
        records: Of conda-meta, by file name.
        rows, own_rows: What stands in it, without condafs's own directory, and in that.
    """

    inventory: Sums
    records: Mapping[str, KnownRecord]
    rows: Rows
    own_rows: Rows


def seal(prefix: Path, early: EarlyRecords | None = None) -> Sealed:
    """Do it all, in one walk: pin, keep originals, list packages, turn installers away, take write bits, take stock.

    Everything that belongs into the environment is there already, `bin/activate` included. `vouch`, `Disk.sync` and
    `write_marker` come after it. A prefix whose sealing was interrupted is removed and made again.

    Args:
        prefix: Absolute path that the environment keeps.
        early: Records that were read already.

    Raises:
        UnsoundPrefixError: Packages made something of it that cannot be sealed.
    """
    require_own_directories(prefix)
    pin_interpreters(prefix)
    refuse_installers(prefix)
    under_way = begin_walk(prefix, read_only=True)
    records = (early or EarlyRecords(prefix)).finish()
    known = records.values()
    keep_originals(prefix, [(one.record, one.replaced) for one in known])
    write_packages(prefix, [one.package for one in known], {path for one in known for path in one.metadata})
    rows = Rows(under_way.pieces())
    inventory = write_inventory(prefix, rows)
    own_rows = write_own_rows(prefix)
    close(prefix)
    return Sealed(inventory, records, rows, own_rows)


def vouch(prefix: Path, sealed: Sealed, provenance: Provenance = UNKNOWN) -> str:
    """Write the sums of what conda-meta does not know; the disk can be written to meanwhile.

    Returns:
        SHA-256 of the list, for the marker.
    """
    return write_sums(prefix, find_sums(prefix, sealed.records, sealed.rows, sealed.own_rows, provenance))


def make_read_only(top: Path) -> None:
    """Take write bits, setuid and setgid from a directory and all that it holds; links are left alone."""
    walk(top, read_only=True)
    close(top)


def remove_prefix(path: Path) -> None:
    """Remove a build, sealed or half made; nothing happens when there is none.

    The name goes first, by one rename, so that nobody sees half a build under it. A crash after that leaves a
    directory that `is_trash` tells; removing that one again by this function finishes the work.

    Args:
        path: A directory; a link or file of that name is removed as such.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISDIR(mode):
        path.unlink()
        return
    if not is_trash(path.name):
        aside = path.with_name(f".{path.name[:_LONGEST_KEPT_NAME]}{_TRASH}{secrets.token_hex(4)}")
        path.rename(aside)
        path = aside
    remove_tree(path)


def is_trash(name: str) -> bool:
    """Whether a directory of that name is what an interrupted `remove_prefix` left."""
    return name.startswith(".") and _TRASH in name
