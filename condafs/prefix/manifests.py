"""The sums that packages' manifests give of their files: as linked, and as kept among the originals."""

from collections.abc import Iterable

from condafs.prefix.layout import INTERPRETER_PREFIX, ORIGINALS
from condafs.prefix.records import PackageRecord, digest_of_path, is_link, path_records

_PYTHONS = "bin/py"


def known_digests(records: Iterable[PackageRecord]) -> dict[str, tuple[int, str]]:
    """Path -> (size, SHA-256) of files as they were linked; without those of which conda-meta does not have both.

    The interpreter is also known by the name that pinning gave it.
    """
    known: dict[str, tuple[int, str]] = {}
    for record in records:
        for path in path_records(record):
            name = path["_path"]
            size, digest = path.get("size_in_bytes"), digest_of_path(path)
            if size is not None and digest and not is_link(path):
                known[name] = size, digest
                if name.startswith(_PYTHONS):
                    known[f"bin/{INTERPRETER_PREFIX}{name[4:]}"] = size, digest
    return known


def original_digests(records: Iterable[PackageRecord]) -> dict[str, str]:
    """Path -> SHA-256 of kept originals, as their packages have them."""
    found: dict[str, str] = {}
    for record in records:
        for path in path_records(record):
            if path.get("prefix_placeholder") and (digest := path.get("sha256")):
                found.setdefault(f"{ORIGINALS}/{path['_path']}", digest)
    return found
