"""One try of one build: from an empty place to an outcome. Nothing here touches the catalog."""

import errno
import logging
from collections.abc import Callable
from pathlib import Path

import trio

from condafs.builder.protocol import BuildRequest, Failed, FailureKind, Progress, Succeeded
from condafs.builder.runner import Runner
from condafs.catalog.records import BuildRecord
from condafs.config import Settings
from condafs.journal import about

logger = logging.getLogger(__name__)

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})

MESSAGE_CHARACTERS = 16_384
"""What the catalog keeps of an explanation; the log has all of it."""


def request_for(record: BuildRecord, specification: bytes, settings: Settings, lock: str = "") -> BuildRequest:
    """What a builder is told. `lock`: of the build that it is to be again."""
    return BuildRequest(
        build=str(record.build),
        specification=specification.decode(),
        prefix=str(settings.builds / str(record.build)),
        packages=str(settings.packages),
        default_channels=settings.default_channels,
        channel_alias=settings.channel_alias,
        memory_bytes=settings.build_memory_bytes,
        wall_seconds=settings.build_wall_seconds,
        attempt=record.attempts,
        sandbox=settings.sandbox,
        process_limit=settings.build_processes,
        file_bytes=settings.build_file_bytes,
        lock=lock,
        is_shared=settings.is_shared,
    )


async def attempt(
    runner: Runner, request: BuildRequest, log: Path, on_progress: Callable[[Progress], None]
) -> Succeeded | Failed:
    """Clear the place, and build. The place is empty again when it failed; not when this is cancelled."""
    prefix = Path(request.prefix)
    try:
        await runner.remove(prefix)
        outcome = await runner.run(request, log, on_progress)
    except OSError as error:
        kind = FailureKind.DISK_FULL if error.errno in _FULL else FailureKind.INTERNAL
        outcome = Failed(kind, f"the builder cannot work: {error}")
    except Exception as error:  # the door to other machines: its defects cost a build, not the mount
        logger.exception("%s: the runner has a defect", request.build, extra=about(request.build))
        outcome = Failed(FailureKind.INTERNAL, f"the runner has a defect: {error!r}")
    if isinstance(outcome, Failed):
        await clear(runner, prefix)
    return outcome


async def clear(runner: Runner, prefix: Path) -> None:
    """Remove a prefix, whatever happens meanwhile; what cannot be removed now is removed at the next start."""
    with trio.CancelScope(shield=True):
        try:
            await runner.remove(prefix)
        except OSError as error:
            logger.warning("%s cannot be removed: %s", prefix.name, error)


def clip(message: str) -> str:
    """As much of an explanation as the catalog keeps."""
    if len(message) <= MESSAGE_CHARACTERS:
        return message
    return message[:MESSAGE_CHARACTERS] + "\n(the rest is in the log)"
