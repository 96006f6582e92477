"""The packages' own files that sealing and linking replaced: with the placeholder inside, or links to interpreters.

Exports to another prefix start from these: replacing one prefix by another in a file that was already replaced cannot
grow in binaries and hits `/envs/foobar` while replacing `/envs/foo`. As hard links they take no room while the package
cache has them, and they are still there when it has not.
"""

import os
import re
import shutil
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeAlias

from condafs.errors import MachineError
from condafs.prefix.layout import ORIGINALS
from condafs.prefix.pinning import INTERPRETER
from condafs.prefix.records import PackageRecord, PathRecord, path_records, read_records
from condafs.prefix.removal import remove_if_possible

_NOARCH_LIBRARY = re.compile(r"lib/python[^/]+/site-packages/")


Replaced: TypeAlias = tuple[PackageRecord, Sequence[PathRecord]]
"""A package with its `replaced_paths`."""


def keep_originals(prefix: Path, replaced: Iterable[Replaced] | None = None) -> int:
    """Link each original to `conda-meta/condafs/originals/<path>`; what is there already is made anew.

    Args:
        prefix: A complete prefix.
        replaced: Of each record in conda-meta, when that was found already.

    Returns:
        How many files were kept.

    Raises:
        MachineError: when the package cache has lost one.
    """
    directory = f"{prefix}/{ORIGINALS}"
    remove_if_possible(Path(directory))  # of an interrupted run
    made: set[str] = set()
    count = 0
    for record, paths in _find_replaced(prefix) if replaced is None else replaced:
        for path in paths:
            target = f"{directory}/{path['_path']}"
            parent = target.rpartition("/")[0]
            if parent not in made:
                os.makedirs(parent, exist_ok=True)  # noqa: PTH103 - text paths throughout: hundreds of files
                made.add(parent)
            _keep(record, path, target)
            count += 1
    return count


def replaced_paths(record: PackageRecord) -> list[PathRecord]:
    """Files of a package that are not in the environment as the package has them."""
    return [path for path in path_records(record) if path.get("prefix_placeholder") or _is_replaced_link(path)]


def _find_replaced(prefix: Path) -> Iterator[Replaced]:
    return ((record, replaced_paths(record)) for record in read_records(prefix))


def _is_replaced_link(path: PathRecord) -> bool:
    """Whether pinning makes a link of its own where the package has one."""
    if path.get("path_type") != "softlink":
        return False
    directory, _, name = path["_path"].rpartition("/")
    return directory == "bin" and INTERPRETER.fullmatch(name) is not None


def _keep(record: PackageRecord, path: PathRecord, target: str) -> None:
    package = record.get("extracted_package_dir", "")
    for source in paths_in_package(record, path):
        try:
            _link_or_copy(f"{package}/{source}", target)
        except FileNotFoundError:
            continue
        return
    msg = f"the package cache has lost {path['_path']} of {record.get('name')}: {package} is not complete"
    raise MachineError(msg)


def paths_in_package(record: PackageRecord, path: PathRecord) -> Iterator[str]:
    """Where the archive has the file.

    Files of `noarch: python` packages are linked elsewhere than the archive has them (conda's documentation, "Noarch
    Python packages"), and a file that lost against another package's has its own path under `original_path`.
    """
    linked = path.get("original_path") or path["_path"]
    yield linked
    if record.get("noarch") == "python":
        yield _NOARCH_LIBRARY.sub("site-packages/", linked)
        if linked.startswith("bin/"):
            yield "python-scripts/" + linked.removeprefix("bin/")


def _link_or_copy(source: str, target: str) -> None:
    try:
        os.link(source, target, follow_symlinks=False)
    except FileExistsError:
        return  # two packages ship one path; conda-meta lists both, the first is linked
    except FileNotFoundError:
        raise
    except OSError:  # the cache is on another filesystem, or the file has as many links as it can
        shutil.copy2(source, target, follow_symlinks=False)
