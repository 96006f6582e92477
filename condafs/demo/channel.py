"""Makes a conda channel out of this machine: its interpreter and the pure-Python distributions beside it.

`condafs-hello` joins them. Needs no network and a second or two.
Used by `condafs demo`, by the tests (which add packages of their own) and by the benchmarks::

    <out>/channel.json              what it was made from, and what could not be had; written last
    <out>/noarch/repodata.json      and the archives
    <out>/linux-64/repodata.json
"""

import errno
import hashlib
import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

from condafs.demo.archive import write_archive
from condafs.demo.distributions import bundled_pip, pure_packages
from condafs.demo.hello import hello_packages
from condafs.demo.interpreter import python_package, running_interpreter
from condafs.demo.package import Package, native_subdir

_STALE_SECONDS = 7 * 24 * 3600
"""A cached channel that was not asked for this long is of an interpreter or an installation that changed since."""


class Channel:
    """A channel being written: add packages, then `finish`."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._records: dict[str, dict[str, Any]] = {"noarch": {}, native_subdir(): {}}
        for subdir in self._records:
            (root / subdir).mkdir(parents=True, exist_ok=True)

    def add(self, package: Package, amend: Callable[[list[dict[str, Any]]], None] | None = None) -> Path:
        """Write a package's archive and record; `amend` as in `write_archive`. Returns the archive."""
        archive = self.root / package.folder / f"{package.stem}.conda"
        self.add_record(package.folder, archive.name, write_archive(package, archive, amend))
        return archive

    def add_record(self, subdir: str, file_name: str, record: dict[str, Any]) -> None:
        """Put a record into repodata, true or not, in place of an earlier one of that archive."""
        self._records[subdir][file_name] = record

    def record(self, subdir: str, file_name: str) -> dict[str, Any]:
        """The record that `add` or `add_record` put there last."""
        record: dict[str, Any] = self._records[subdir][file_name]
        return record

    def finish(self) -> None:
        """Write each `repodata.json`."""
        for subdir, records in self._records.items():
            repodata = {
                "info": {"subdir": subdir},
                "packages": {},
                "packages.conda": dict(sorted(records.items())),
                "removed": [],
                "repodata_version": 1,
            }
            (self.root / subdir / "repodata.json").write_text(json.dumps(repodata, indent=1))


def make_channel(out: Path, extend: Callable[[Channel], None] | None = None) -> list[str]:
    """Make the channel in the directory `out`, which may hold an earlier one.

    Args:
        out: The channel; `out.as_uri()` is its URL.
        extend: Adds packages before the repodata is written.

    Returns:
        Sentences about what could not be had.
    """
    channel = Channel(out)
    channel.add(python_package(running_interpreter()))
    packages = pure_packages()
    missing = []
    if not any(package.name == "pip" for package in packages):
        if pip := bundled_pip():
            packages.append(pip)
        else:
            missing.append("no pip: neither beside this interpreter nor bundled with it (Debian: python3-venv has one)")
    for package in [*packages, *hello_packages()]:
        channel.add(package)
    if extend:
        extend(channel)
    channel.finish()
    (out / "channel.json").write_text(json.dumps({"missing": missing}))
    return missing


def cached_channel(folder: Path, extend: Callable[[Channel], None] | None = None, key: str = "") -> Path:
    """The channel made from this machine as it is now, out of `folder` when it is there already.

    Args:
        folder: Where channels are kept, each under a name that tells its content.
        extend: As in `make_channel`.
        key: Tells what `extend` adds.

    Returns:
        The channel's directory. Safe to ask for from several processes at once.
    """
    folder.mkdir(parents=True, exist_ok=True)
    wanted = folder / f"channel-{_fingerprint(key)}"
    if not wanted.exists():
        _remove_stale(folder)
        making = Path(tempfile.mkdtemp(prefix=".making-", dir=folder))
        try:
            make_channel(making, extend)
            making.chmod(0o755)
            _rename_unless_made(making, wanted)
        finally:
            shutil.rmtree(making, ignore_errors=True)
    os.utime(wanted)
    return wanted


def default_cache() -> Path:
    """`$XDG_CACHE_HOME/condafs`, by default `~/.cache/condafs`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "condafs"


def _fingerprint(key: str) -> str:
    """A digest of all that goes into a channel: the interpreter, what is installed, this code."""
    interpreter = running_interpreter()
    sources = [path.read_bytes() for path in sorted(Path(__file__).parent.glob("*.py"))]
    installed = sorted(f"{found.metadata['Name']} {found.version}" for found in distributions())
    program = interpreter.executable.stat()
    parts = [sys.version, str(interpreter), str((program.st_size, program.st_mtime_ns)), *installed, key]
    text = b"\0".join([*sources, *(part.encode() for part in parts)])
    return hashlib.sha256(text).hexdigest()[:16]


def _rename_unless_made(made: Path, wanted: Path) -> None:
    try:
        made.rename(wanted)
    except OSError as error:
        if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):  # which say that somebody else was faster
            raise


def _remove_stale(folder: Path) -> None:
    oldest = time.time() - _STALE_SECONDS
    for path in folder.glob("*-*"):
        if path.name.startswith(("channel-", ".making-")) and path.stat().st_mtime < oldest:
            shutil.rmtree(path, ignore_errors=True)
