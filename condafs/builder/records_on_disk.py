"""What an environment remembers of its making, in formats that other tools read.

- `conda-meta/condafs.lock`: rattler's lock file, version 7 (pixi.lock). The same file in `.specs` builds the same
  packages again.
- `conda-meta/history`: conda's; `conda list --revisions`, `conda env export --from-history` and others read it.
"""

import hashlib
import json
import time
from collections.abc import Sequence
from pathlib import Path

from rattler.lock import LockChannel, LockFile, LockPlatform

from condafs.builder.pip import Distribution
from condafs.builder.solve import Solution, archive_of
from condafs.spec.credentials import mask_credentials

LOCK = "conda-meta/condafs.lock"
HISTORY = "conda-meta/history"
_ENVIRONMENT = "default"
"""The name that pixi and rattler look for first."""


def write_lock(prefix: Path, solution: Solution, distributions: Sequence[Distribution]) -> str:
    """Write the lock; returns its SHA-256 in hex."""
    platform = LockPlatform(solution.platform)
    lock = LockFile([platform])
    lock.set_channels(_ENVIRONMENT, [LockChannel(channel.base_url) for channel in solution.channels])
    for record in solution.records:
        lock.add_conda_package(_ENVIRONMENT, platform, record)
    for distribution in distributions:
        lock.add_pypi_package(_ENVIRONMENT, platform, distribution.name, distribution.version, distribution.location)
    path = prefix / LOCK
    lock.to_path(path)
    text = path.read_text(encoding="utf-8")
    if (masked := mask_credentials(text)) != text:
        path.write_text(masked, encoding="utf-8")
    return hashlib.sha256(masked.encode()).hexdigest()


def hide_credentials(prefix: Path, solution: Solution) -> None:
    """Mask the URLs in conda-meta: everybody can read an environment, and rattler writes them as they are."""
    urls = {record.url for record in solution.records} | {channel.base_url for channel in solution.channels}
    if not any(mask_credentials(url) != url for url in urls):
        return
    for path in (prefix / "conda-meta").glob("*.json"):
        document = json.loads(path.read_bytes())
        document |= {key: mask_credentials(document[key]) for key in ("url", "channel") if document.get(key)}
        document["requested_specs"] = [mask_credentials(spec) for spec in document.get("requested_specs", ())]
        path.write_text(json.dumps(document, indent=2))


def write_history(prefix: Path, solution: Solution, build: str, moment: float) -> None:
    """Write the first and only revision."""
    packages = sorted(
        f"+{(record.channel or 'none').rstrip('/')}/{record.subdir}::{archive_of(record).distribution}"
        for record in solution.records
    )
    lines = [
        time.strftime("==> %Y-%m-%d %H:%M:%S <==", time.gmtime(moment)),
        f"# cmd: condafs build {build}",
        *packages,
        f"# update specs: {json.dumps([str(spec) for spec in solution.requested])}",
    ]
    (prefix / HISTORY).write_text(mask_credentials("\n".join(lines) + "\n"), encoding="utf-8")
