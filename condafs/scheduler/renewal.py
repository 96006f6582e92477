"""Making a damaged build again of the packages that it had: its lock outlives it, until it is published again.

The digest of a specification stands for what the channels held when it was built first; solving again would make
something newer of the same name. pip's packages are found again as the specification says.
"""

import hashlib
import logging
from pathlib import Path

from condafs.config import Settings
from condafs.names import BuildName
from condafs.prefix.marker import read_marker

logger = logging.getLogger(__name__)

_LOCK = "conda-meta/condafs.lock"


def keep_lock(settings: Settings, build: BuildName) -> str:
    """The lock, kept aside before the prefix goes; "" when there is none that can be believed."""
    kept = _place(settings, build)
    try:
        if not kept.exists() and (text := _sound_lock(settings.builds / str(build))):
            kept.parent.mkdir(exist_ok=True)
            draft = kept.with_name(f".{build.digest}")
            draft.write_text(text, encoding="utf-8")
            draft.replace(kept)
        return kept.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        logger.warning("%s: what it consisted of is not known, it is solved anew: %s", build, error)
        return ""


def forget_lock(settings: Settings, build: BuildName) -> None:
    """It is published, or could not be made of it."""
    _place(settings, build).unlink(missing_ok=True)


def _place(settings: Settings, build: BuildName) -> Path:
    return settings.locks / f"{build}.lock"


def _sound_lock(prefix: Path) -> str:
    """The lock as the marker vouches for it."""
    marker, content = read_marker(prefix), (prefix / _LOCK).read_bytes()
    if marker is None or hashlib.sha256(content).hexdigest() != marker.lock_sha256:
        msg = "its lock is damaged"
        raise ValueError(msg)
    return content.decode()
