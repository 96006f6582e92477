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
from functools import partial

import trio

from condafs.builder.protocol import Progress
from condafs.builder.runner import Runner
from condafs.catalog import attempts, changes
from condafs.catalog.records import BuildRecord, BuildState
from condafs.catalog.store import Catalog
from condafs.config import Settings
from condafs.journal import about
from condafs.names import BuildName, SpecDigest
from condafs.scheduler.allowances import Allowances
from condafs.scheduler.attempt import clear
from condafs.scheduler.exports import Exports
from condafs.scheduler.leftovers import digest_in, find_leftovers, is_leftover
from condafs.scheduler.logbook import Logbook
from condafs.scheduler.overview import Overview
from condafs.scheduler.patience import write_patiently
from condafs.scheduler.queue import FairQueue
from condafs.scheduler.room import AmpleRoom, Room, outlast_users
from condafs.scheduler.tries import Running, Tries

logger = logging.getLogger(__name__)


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
        allowances: What owners of builds may have; None: as the settings say.
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
        allowances: Allowances | None = None,
    ) -> None:
        self._catalog = catalog
        self._runner = runner
        self._settings = settings
        self._exports = exports
        self._clock = clock
        self._room = room or AmpleRoom()
        self._logbook = Logbook(settings.logs, clock)
        self._tries = Tries(
            catalog,
            runner,
            settings,
            exports,
            self._room,
            self._logbook,
            allowances or Allowances(settings),
            clock=clock,
            uniform=uniform,
        )
        self._queue = FairQueue()
        self._running: dict[SpecDigest, Running] = {}
        self._doomed: dict[SpecDigest, BuildName] = {}
        self._removing: set[SpecDigest] = set()
        self._is_sweeping = True
        self._wake = trio.Event()
        self.changed = trio.Event()

    def progress(self, digest: SpecDigest) -> Progress | None:
        """How far a build is; None when no builder works on it, or it has not said anything yet."""
        running = self._running.get(digest)
        return running.progress if running else None

    def obstacle(self, digest: SpecDigest) -> str:
        """What keeps the catalog from being told of a build that is due or made, "" when nothing does."""
        running = self._running.get(digest)
        return running.obstacle if running else ""

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
            running = self._running[entry.digest] = Running(entry.name)
            self._exports.note_building(is_building=True)
            nursery.start_soon(self._build, BuildName(entry.digest, entry.name), running)

    def _is_busy(self, digest: SpecDigest) -> bool:
        return digest in self._running or digest in self._removing

    async def _build(self, build: BuildName, running: Running) -> None:
        try:
            await self._tries.make(build, running)
        finally:
            del self._running[build.digest]
            self._exports.note_building(is_building=bool(self._running))
            self.look_at([build])

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
            await write_patiently(self._catalog, partial(changes.erase, digest=build.digest, now=self._clock()), build)
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
        restore = partial(changes.restore, digest=build.digest, now=self._clock())
        return await write_patiently(self._catalog, restore, build) is not None

    async def _sweep(self) -> None:
        """Clear away what a crash left among the builds, beside the work."""
        found = await trio.to_thread.run_sync(find_leftovers, self._settings.builds, self._catalog.snapshot)
        for name in found:
            # What follows is not to be cancelled half way, but the daemon may end here.
            await trio.lowlevel.checkpoint()
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
