"""Making a damaged build again of the packages that it had: its lock outlives it, until it is published again.

The digest of a specification stands for what the channels held when it was built first; solving again would make
something newer of the same name. pip's packages are found again as the specification says.

A damaged build is better than none. So it is made at another place first, and what is there goes only when that
succeeded, with the packages in the cache by then; else it is given back, damaged as it is. That place is called as
trash is: what a crash leaves there is cleared away at a later start (`leftovers`), and the damaged one stays.
"""

import hashlib
import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import trio

from condafs.builder.protocol import BuildRequest, Failed, Progress, Succeeded
from condafs.builder.runner import Runner
from condafs.catalog.attempts import Sizes
from condafs.config import Settings
from condafs.names import BuildName
from condafs.prefix.contents import read_packages
from condafs.prefix.inventory import read_summary
from condafs.prefix.marker import is_finished, read_marker
from condafs.scheduler.attempt import attempt, clear

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


def place_of_rehearsal(settings: Settings, build: BuildName) -> Path:
    """Where it is made first; no longer than the prefix of most builds, for paths are written into packages."""
    return settings.builds / f".{build.digest}-.trash-0"


async def make_again(
    runner: Runner, request: BuildRequest, rehearsal: Path, log: Path, on_progress: Callable[[Progress], None]
) -> Succeeded | Failed:
    """Try to make a build in place of the damaged one, if that is still there; it stays when the rehearsal failed.

    See `attempt` for the rest.
    """
    if await trio.to_thread.run_sync(is_finished, Path(request.prefix)):
        outcome = await attempt(runner, replace(request, prefix=str(rehearsal)), log, on_progress)
        if isinstance(outcome, Failed):
            return outcome
        await clear(runner, rehearsal)
    return await attempt(runner, request, log, on_progress)


def sizes_of_damaged(settings: Settings, build: BuildName) -> Sizes | None:
    """Of a build that could not be made again and is whole enough to be given back; None: it is gone."""
    prefix = settings.builds / str(build)
    if not is_finished(prefix):
        return None
    try:
        sums, packages = read_summary(prefix), len(read_packages(prefix))
    except (OSError, ValueError, KeyError, TypeError):  # that is what is damaged
        return Sizes(0, 0, 0)
    return Sizes(sums.size_bytes, sums.own_bytes, packages)


def give_up_lock(settings: Settings, build: BuildName) -> None:
    """Its packages may be gone for good: it is solved anew, when it is to be made again once more."""
    place = _place(settings, build)
    try:
        place.parent.mkdir(exist_ok=True)
        place.write_text("", encoding="utf-8")
    except OSError as error:
        logger.warning("%s: the next time, too, it is made of the packages that it had: %s", build, error)


def forget_lock(settings: Settings, build: BuildName) -> None:
    """It is published."""
    try:
        _place(settings, build).unlink(missing_ok=True)
    except OSError as error:
        logger.warning("%s: the lock that was kept for it stays: %s", build, error)


def _place(settings: Settings, build: BuildName) -> Path:
    return settings.locks / f"{build}.lock"


def _sound_lock(prefix: Path) -> str:
    """The lock as the marker vouches for it."""
    marker, content = read_marker(prefix), (prefix / _LOCK).read_bytes()
    if marker is None or hashlib.sha256(content).hexdigest() != marker.lock_sha256:
        msg = "its lock is damaged"
        raise ValueError(msg)
    return content.decode()
