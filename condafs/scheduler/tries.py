"""One try of one build with all that belongs to it: what catalog, log and exports are told of how it begins and ends.

When one is made is the scheduler's business, and how a builder makes it is `attempt`'s.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TypeVar

import trio

from condafs.builder.protocol import TRANSIENT_KINDS, Failed, FailureKind, Progress, Succeeded
from condafs.builder.runner import Runner
from condafs.catalog import attempts
from condafs.catalog.records import BuildRecord, BuildState
from condafs.catalog.store import Catalog
from condafs.catalog.transaction import Transaction
from condafs.config import Settings
from condafs.config.quotas import NO_LIMITS, Limits
from condafs.errors import CatalogError
from condafs.journal import about
from condafs.names import BuildName, EnvironmentName
from condafs.scheduler.allowances import Allowances
from condafs.scheduler.attempt import attempt, clear, clip, request_for
from condafs.scheduler.exports import Exports
from condafs.scheduler.logbook import Logbook, claimed_text, published_text
from condafs.scheduler.patience import write_patiently
from condafs.scheduler.renewal import (
    forget_lock,
    give_up_lock,
    keep_lock,
    make_again,
    place_of_rehearsal,
    sizes_of_damaged,
)
from condafs.scheduler.retry import next_delay
from condafs.scheduler.room import Room

logger = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(slots=True)
class Running:
    """A builder at work.

    Attributes:
        scope: Its try, once that has begun.
        progress: What it said last.
        obstacle: Why the catalog cannot be told of it for the moment, if so.
    """

    name: EnvironmentName
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    has_begun: bool = False
    progress: Progress | None = None
    obstacle: str = ""


class Tries:
    """Makes one after another, or several at a time.

    Args:
        catalog: Opened for writing.
        runner: Makes one build.
        settings: Directories, limits, retries.
        exports: Told what is published and what goes.
        room: Asked for room before each try.
        logbook: Has the logs of builds.
        allowances: What owners of builds may have.
        clock: Unix seconds.
        uniform: `random.uniform` or like it, for jitter.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - it brings these together
        self,
        catalog: Catalog,
        runner: Runner,
        settings: Settings,
        exports: Exports,
        room: Room,
        logbook: Logbook,
        allowances: Allowances,
        *,
        clock: Callable[[], float],
        uniform: Callable[[float, float], float],
    ) -> None:
        self._catalog = catalog
        self._runner = runner
        self._settings = settings
        self._exports = exports
        self._room = room
        self._logbook = logbook
        self._allowances = allowances
        self._clock = clock
        self._uniform = uniform

    async def make(self, build: BuildName, running: Running) -> None:
        """Try to make a build that is due; nothing happens when it is not any more."""
        limits = await self._limits_for(build)
        start = partial(attempts.start, digest=build.digest, now=self._clock(), limits=limits)
        record = await self._write(start, build, running)
        if record is None:
            return
        if record.state is BuildState.FAILED:
            await self._say(build, f"failed ({record.failure_kind}): {record.failure_message}")
        else:
            await self._try(record, running)

    async def _limits_for(self, build: BuildName) -> Limits:
        with self._catalog.snapshot() as snapshot:
            record = snapshot.build(build.digest)
        if record is None:
            return NO_LIMITS
        await self._allowances.know(record.owner_uid)
        return self._allowances.limits_of(record.owner_uid)

    async def _try(self, record: BuildRecord, running: Running) -> None:
        build = record.build
        with self._catalog.snapshot() as snapshot:
            specification = snapshot.specification(record.digest) or b""
            now = snapshot.build(record.digest)
        running.has_begun = True
        lock = await self._begin_renewal(build) if record.generation else ""
        request = request_for(record, specification, self._settings, lock)
        make = partial(make_again, rehearsal=self._rehearsal(build)) if record.generation else attempt
        outcome: Succeeded | Failed | None = None
        has_ended = False
        try:
            with running.scope:
                if now is None or now.state is not BuildState.BUILDING:
                    running.scope.cancel()  # cancelled in the moment between
                await self._say(build, f"try {record.attempts} of {self._settings.attempts}")
                await self._room.make_room(is_short=record.failure_kind == FailureKind.DISK_FULL)
                if record.attempts > self._settings.attempts:
                    outcome = Failed(FailureKind.KILLED, "the daemon was killed during each try to make it again")
                else:
                    log, on_progress = self._logbook.path(build), partial(setattr, running, "progress")
                    outcome = await make(self._runner, request, log=log, on_progress=on_progress)
            has_ended = True
        finally:
            if not has_ended:  # cancelled from outside
                await self._interrupt(build)
        if isinstance(outcome, Succeeded):
            await self._publish(record, running, outcome)
        elif isinstance(outcome, Failed):
            await self._fail(record, running, outcome)
        else:
            await clear(self._runner, self._settings.builds / str(build))
            await clear(self._runner, self._rehearsal(build))

    def _rehearsal(self, build: BuildName) -> Path:
        return place_of_rehearsal(self._settings, build)

    async def _begin_renewal(self, build: BuildName) -> str:
        """A damaged build is made again: what was computed of it goes, what it consisted of is kept."""
        await self._exports.clear(build)
        return await trio.to_thread.run_sync(keep_lock, self._settings, build)

    async def _publish(self, record: BuildRecord, running: Running, outcome: Succeeded) -> None:
        build = record.build
        sizes = attempts.Sizes(outcome.size_bytes, outcome.own_bytes, outcome.package_count)
        publish = partial(attempts.publish, digest=build.digest, sizes=sizes, now=self._clock())
        published = await self._write(publish, build, running)
        if published is None:
            await clear(self._runner, self._settings.builds / str(build))
            return
        if record.generation:
            await trio.to_thread.run_sync(forget_lock, self._settings, build)
        await self._say(build, published_text(published.record, is_current=published.is_current))
        with self._catalog.snapshot() as snapshot:
            environment = snapshot.environment(build.name)
        if environment and not environment.is_retired:
            await self._logbook.note([(build, claimed_text(environment))])
        self._exports.prepare_soon(build)

    async def _fail(self, record: BuildRecord, running: Running, outcome: Failed) -> None:
        build, settings = record.build, self._settings
        delay = None
        if outcome.kind in TRANSIENT_KINDS and record.attempts < settings.attempts:
            delay = next_delay(
                record.attempts, settings.backoff_initial_seconds, settings.backoff_cap_seconds, self._uniform
            )
        if record.generation and outcome.kind not in TRANSIENT_KINDS:
            await trio.to_thread.run_sync(give_up_lock, self._settings, build)
        if record.generation and delay is None and await self._give_back(build, running, outcome):
            return
        failure = attempts.Failure(outcome.kind.value, clip(outcome.message), delay)
        fail = partial(attempts.fail, digest=build.digest, failure=failure, now=self._clock())
        after = await self._write(fail, build, running)
        if after is None:
            return
        match after.state:
            case BuildState.WAITING:
                when = self._logbook.stamp(after.next_try)
                text = f"try {record.attempts} of {settings.attempts} failed ({outcome.kind}); the next is at {when}"
            case BuildState.SUPERSEDED:
                text = f"failed ({outcome.kind}); not tried again, {build.name} wants another build"
            case _:
                text = f"failed ({outcome.kind}); touch its file in .specs to try again"
        await self._say(build, text)

    async def _give_back(self, build: BuildName, running: Running, outcome: Failed) -> bool:
        """Publish a damaged build as it was, if it is still there: it could not be made again."""
        sizes = await trio.to_thread.run_sync(sizes_of_damaged, self._settings, build)
        if sizes is None:
            return False
        await clear(self._runner, self._rehearsal(build))  # of a daemon that was killed
        publish = partial(attempts.publish, digest=build.digest, sizes=sizes, now=self._clock())
        if await self._write(publish, build, running) is None:
            return False
        text = f"it could not be made again ({outcome.kind}), and is as it was, damaged: {clip(outcome.message)}"
        logger.warning("%s: %s", build, text, extra=about(build))
        await self._logbook.note([(build, text)])
        return True

    async def _interrupt(self, build: BuildName) -> None:
        """The daemon ends. The prefix stays half made: the next try begins with its removal."""
        with trio.CancelScope(shield=True):
            try:
                record = await self._catalog.write(partial(attempts.interrupt, digest=build.digest, now=self._clock()))
            except CatalogError as error:
                logger.warning("%s: found as interrupted at the next start: %s", build, error, extra=about(build))
                return
            if record:
                await self._say(build, f"interrupted: the daemon ends; {record.state} now")

    async def _write(self, function: Callable[[Transaction], T], build: BuildName, running: Running) -> T:
        return await write_patiently(self._catalog, function, build, partial(setattr, running, "obstacle"))

    async def _say(self, build: BuildName, text: str) -> None:
        logger.info("%s: %s", build, text, extra=about(build))
        await self._logbook.note([(build, text)])
