"""The durable queue at work: `settings.jobs` builds at a time, one a digest, in turns by name; retries; removals.

The catalog is the truth. What is kept here in memory (who waits, who runs) follows from it and is put together anew at
each start; `look_at` brings it up to date and may be called at any time, for any build, in any order.

A digest is *busy* while a builder or a removal works in its directory, so that two never do. A build that is
cancelled changes its state first; its builder is killed then, and its prefix removed.

At the end (cancellation) running builds are killed and queued again in the catalog, and that try does not count.
After a crash they are found as BUILDING, queued again, and it does.
"""

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import TypeVar

import trio

from condafs.builder.protocol import TRANSIENT_KINDS, Failed, FailureKind, Progress, Succeeded
from condafs.builder.runner import Runner
from condafs.catalog import attempts, changes
from condafs.catalog.records import BuildRecord, BuildState
from condafs.catalog.store import Catalog
from condafs.catalog.transaction import Transaction
from condafs.config import Settings
from condafs.errors import CatalogError, DiskFullError
from condafs.journal import about
from condafs.names import BuildName, EnvironmentName, SpecDigest
from condafs.scheduler.attempt import attempt, clear, clip, request_for
from condafs.scheduler.exports import Exports
from condafs.scheduler.leftovers import digest_in, find_leftovers, is_leftover
from condafs.scheduler.logbook import Logbook, published_text
from condafs.scheduler.overview import Overview
from condafs.scheduler.queue import FairQueue
from condafs.scheduler.renewal import forget_lock, keep_lock
from condafs.scheduler.retry import next_delay
from condafs.scheduler.room import AmpleRoom, Room, outlast_users

logger = logging.getLogger(__name__)

T = TypeVar("T")

FULL_SECONDS = 5
"""How long what must be written waits for room on a full disk before it tries again."""


@dataclass(slots=True)
class _Running:
    """A builder at work. `scope` is its try, once that has begun."""

    name: EnvironmentName
    scope: trio.CancelScope = field(default_factory=trio.CancelScope)
    has_begun: bool = False
    progress: Progress | None = None


class Scheduler:
    """When builds are made.

    Args:
        catalog: Opened for writing.
        runner: Makes one build.
        settings: Directories, limits, retries.
        exports: Told what is published and what goes.
        clock: Unix seconds.
        uniform: `random.uniform` or like it, for jitter.
        room: Asked for room before each try, and who uses what is to go; None: there is room, and nobody does.
    """

    def __init__(  # noqa: PLR0913 - it brings these together
        self,
        catalog: Catalog,
        runner: Runner,
        settings: Settings,
        exports: Exports,
        *,
        clock: Callable[[], float],
        uniform: Callable[[float, float], float],
        room: Room | None = None,
    ) -> None:
        self._catalog = catalog
        self._runner = runner
        self._settings = settings
        self._exports = exports
        self._clock = clock
        self._uniform = uniform
        self._room = room or AmpleRoom()
        self._logbook = Logbook(settings.logs, clock)
        self._queue = FairQueue()
        self._running: dict[SpecDigest, _Running] = {}
        self._doomed: dict[SpecDigest, BuildName] = {}
        self._removing: set[SpecDigest] = set()
        self._is_sweeping = True
        self._wake = trio.Event()
        self.changed = trio.Event()

    def progress(self, digest: SpecDigest) -> Progress | None:
        """How far a build is; None when no builder works on it, or it has not said anything yet."""
        running = self._running.get(digest)
        return running.progress if running else None

    def overview(self, environments: int) -> Overview:
        """What goes on; `changed` is set, and made anew, when something else does, but for progress."""
        building = [(running.name.text, running.progress) for running in self._running.values()]
        removing = len(self._removing) + len(self._doomed)
        return Overview(environments, building, self._queue.due_count, self._queue.later_count, removing)

    @property
    def is_busy(self) -> bool:
        """Whether a builder or a removal is at work, or to begin at once."""
        return bool(self._running or self._removing or self._doomed or self._is_sweeping)

    def look_at(self, builds: Iterable[BuildName]) -> None:
        """The state of these builds may have changed: act on what the catalog says of them now."""
        with self._catalog.snapshot() as snapshot:
            for build in builds:
                self._follow(build, snapshot.build(build.digest))
        self._wake.set()

    def _follow(self, build: BuildName, record: BuildRecord | None) -> None:
        state = record.state if record else None
        running = self._running.get(build.digest)
        if running and running.has_begun and state is not BuildState.BUILDING:
            running.scope.cancel()
        if record and state in (BuildState.QUEUED, BuildState.WAITING):
            self._queue.put(record)
        else:
            self._queue.discard(build.digest, build.name)
        if state is BuildState.DELETING:
            self._doomed[build.digest] = build
        else:
            self._doomed.pop(build.digest, None)

    async def run(self, task_status: trio.TaskStatus[None] = trio.TASK_STATUS_IGNORED) -> None:
        """Work until cancelled. Started when what a crash left in the catalog is put right.

        Raises:
            CatalogError: The catalog cannot be written at the start.
        """
        await self._recover()
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._sweep)
            task_status.started()
            while True:
                self._wake = trio.Event()
                self._dispatch(nursery)
                self.changed.set()
                self.changed = trio.Event()
                due = self._queue.next_due(self._clock())
                # A clock that is set back must not keep builds waiting for ever: look again every minute.
                with trio.move_on_after(60 if due is None else min(60, max(0, due - self._clock()))):
                    await self._wake.wait()

    async def _recover(self) -> None:
        now = self._clock()
        found = await self._catalog.write(partial(attempts.recover, most_attempts=self._settings.attempts, now=now))
        for record in found:
            text = "%s: the daemon was killed while it was built; it is %s now"
            logger.warning(text, record.build, record.state, extra=about(record.build))
        await self._logbook.note((record.build, f"the daemon was killed; {record.state} now") for record in found)
        with self._catalog.snapshot() as snapshot:
            for record in snapshot.active():
                self._follow(record.build, record)

    def _dispatch(self, nursery: trio.Nursery) -> None:
        """Start what can be started."""
        for digest in [digest for digest in self._doomed if not self._is_busy(digest)]:
            self._removing.add(digest)
            nursery.start_soon(self._remove, self._doomed.pop(digest))
        while len(self._running) < self._settings.jobs:
            busy_names = {running.name for running in self._running.values()}
            entry = self._queue.take(self._clock(), self._running.keys() | self._removing, busy_names)
            if entry is None:
                return
            running = self._running[entry.digest] = _Running(entry.name)
            self._exports.note_building(is_building=True)
            nursery.start_soon(self._build, BuildName(entry.digest, entry.name), running)

    def _is_busy(self, digest: SpecDigest) -> bool:
        return digest in self._running or digest in self._removing

    async def _build(self, build: BuildName, running: _Running) -> None:
        """One try, with everything that the catalog and the log are told of it."""
        try:
            record = await self._surely(partial(attempts.start, digest=build.digest, now=self._clock()))
            if record is not None:
                await self._try(record, running)
        finally:
            del self._running[build.digest]
            self._exports.note_building(is_building=bool(self._running))
            self.look_at([build])

    async def _try(self, record: BuildRecord, running: _Running) -> None:
        build = record.build
        with self._catalog.snapshot() as snapshot:
            specification = snapshot.specification(record.digest) or b""
            now = snapshot.build(record.digest)
        running.has_begun = True
        lock = await self._begin_renewal(build) if record.generation else ""
        request = request_for(record, specification, self._settings, lock)
        outcome: Succeeded | Failed | None = None
        has_ended = False
        try:
            with running.scope:
                if now is None or now.state is not BuildState.BUILDING:
                    running.scope.cancel()  # cancelled in the moment between
                await self._say(build, f"try {record.attempts} of {self._settings.attempts}")
                await self._room.make_room(is_short=record.failure_kind == FailureKind.DISK_FULL)
                outcome = await attempt(
                    self._runner, request, self._logbook.path(build), partial(setattr, running, "progress")
                )
            has_ended = True
        finally:
            if not has_ended:  # cancelled from outside
                await self._interrupt(build)
        if isinstance(outcome, Succeeded):
            await self._publish(build, outcome, lock)
        elif isinstance(outcome, Failed):
            await self._fail(record, outcome)
        else:
            await clear(self._runner, self._settings.builds / str(build))

    async def _begin_renewal(self, build: BuildName) -> str:
        """A damaged build is made again: what was computed of it goes, what it consisted of is kept."""
        await self._exports.clear(build)
        return await trio.to_thread.run_sync(keep_lock, self._settings, build)

    async def _publish(self, build: BuildName, outcome: Succeeded, lock: str) -> None:
        sizes = attempts.Sizes(outcome.size_bytes, outcome.own_bytes, outcome.package_count)
        published = await self._surely(
            partial(attempts.publish, digest=build.digest, sizes=sizes, now=self._clock()), build
        )
        if published is None:
            await clear(self._runner, self._settings.builds / str(build))
            return
        if lock:
            await trio.to_thread.run_sync(forget_lock, self._settings, build)
        await self._say(build, published_text(published.record, is_current=published.is_current))
        self._exports.prepare_soon(build)

    async def _fail(self, record: BuildRecord, outcome: Failed) -> None:
        build, settings = record.build, self._settings
        delay = None
        if outcome.kind in TRANSIENT_KINDS and record.attempts < settings.attempts:
            delay = next_delay(
                record.attempts, settings.backoff_initial_seconds, settings.backoff_cap_seconds, self._uniform
            )
        if record.generation and outcome.kind not in TRANSIENT_KINDS:
            await trio.to_thread.run_sync(forget_lock, self._settings, build)  # its packages may be gone for good
        failure = attempts.Failure(outcome.kind.value, clip(outcome.message), delay)
        after = await self._surely(
            partial(attempts.fail, digest=build.digest, failure=failure, now=self._clock()), build
        )
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

    async def _remove(self, build: BuildName) -> None:
        """Remove the files of a DELETING build, then its record. A crash between leaves it DELETING: done again."""
        await self._exports.clear(build)
        # A removal begins with a rename: what is there under its name is whole.
        is_whole = (self._settings.builds / str(build)).exists()
        if is_whole and await outlast_users(self._room, build, partial(self._restore, build)):
            self._removing.discard(build.digest)
            self.look_at([build])
            return
        try:
            await self._runner.remove(self._settings.builds / str(build))
            await self._logbook.remove(build)
            await self._surely(partial(changes.erase, digest=build.digest, now=self._clock()), build)
            logger.info("%s: deleted", build, extra=about(build))
        except OSError as error:
            text = "%s: cannot be deleted, tried again at the next start: %s"
            logger.warning(text, build, error, extra=about(build))
            self._removing.discard(build.digest)
            return
        self._removing.discard(build.digest)
        self.look_at([build])

    async def _restore(self, build: BuildName) -> bool:
        """Publish a build as it was, if it was submitted again since it was to go."""
        with self._catalog.snapshot() as snapshot:
            environment = snapshot.environment(build.name)
        if environment is None or environment.wanted != build.digest:
            return False
        return await self._surely(partial(changes.restore, digest=build.digest, now=self._clock()), build) is not None

    async def _sweep(self) -> None:
        """Clear away what a crash left among the builds, beside the work."""
        found = await trio.to_thread.run_sync(find_leftovers, self._settings.builds, self._catalog.snapshot)
        for name in found:
            await (
                trio.lowlevel.checkpoint()
            )  # what follows is not to be cancelled half way, but the daemon may end here
            await self._clear_leftover(name, digest_in(name))
        self._is_sweeping = False

    async def _clear_leftover(self, name: str, digest: SpecDigest | None) -> None:
        if digest and self._is_busy(digest):
            return  # it may be what is being worked on; if not, the next start finds it again
        with self._catalog.snapshot() as snapshot:
            if not is_leftover(snapshot, self._settings.builds, name):
                return
        if digest:
            self._removing.add(digest)
        logger.info("clearing away %s, which a crash left", name)
        await clear(self._runner, self._settings.builds / name)
        if digest:
            self._removing.discard(digest)
            self._wake.set()

    async def _surely(self, function: Callable[[Transaction], T], build: BuildName | None = None) -> T:
        """Write what has to be written; on a full disk, wait for room."""
        while True:
            try:
                return await self._catalog.write(function)
            except DiskFullError as error:
                logger.warning("%s: %s", build or "the queue", error, extra=about(build or ""))
                await trio.sleep(FULL_SECONDS)

    async def _say(self, build: BuildName, text: str) -> None:
        logger.info("%s: %s", build, text, extra=about(build))
        await self._logbook.note([(build, text)])
