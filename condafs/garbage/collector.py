"""The daemon's own collector: makes room before a build begins, and knows whose files must not go yet.

Where the daemon cannot see what other users run (it serves them, and is not root), it collects nothing by itself: it
makes the file `gc-request` and waits until whoever collects in its stead (condafs-gc.service) has removed that.

Concurrency: one collection at a time; looks at processes are shared by all who ask in the meantime.
"""

import logging
import math
import os
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol

import trio

from condafs.catalog.records import BuildState
from condafs.catalog.store import Catalog
from condafs.config import Settings
from condafs.errors import CondafsError
from condafs.garbage.facts import read_candidates, read_pins
from condafs.garbage.packages import PackageCache
from condafs.garbage.policy import Evidence, Plan, Policy, Verdict, judge, make_plan
from condafs.garbage.processes import Look, look, with_children
from condafs.garbage.sweep import Doors, Swept, sweep
from condafs.names import BuildName, EnvironmentName
from condafs.wording import size_text

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 300
"""How soon a collection is worth another: what the policy keeps it keeps in five minutes, too."""

PATIENCE_SECONDS = 60
"""How long a build waits for room that others make; then it tries with what there is."""

GATHER_SECONDS = 0.2
"""How long a look waits for others who want one: no files are in a hurry to go."""

_POLL_SECONDS = 0.1

Delete = Callable[[BuildName], Awaitable[None]]


class Exports(Protocol):
    """Who computes exports (export.exports)."""

    def count_open(self, name: EnvironmentName, /) -> dict[BuildName, int]:
        """How many exports of which builds of an environment are open."""
        ...


class Collector:
    """Makes room.

    Args:
        catalog: Opened by the daemon.
        settings: Policy and directories.
        exports: Knows which are open.
        is_shared: Whether others may use the mount.
    """

    def __init__(self, catalog: Catalog, settings: Settings, exports: Exports, *, is_shared: bool) -> None:
        self._catalog = catalog
        self._settings = settings
        self._exports = exports
        self._is_shared = is_shared
        self._cache = PackageCache(catalog, settings.builds, settings.packages)
        self._delete: Delete | None = None
        self._collecting = trio.Lock()
        self._last = -math.inf
        self._looking = trio.Lock()
        self._seen = Look({})
        self._seen_from = -math.inf

    def serve(self, delete: Delete) -> None:
        """Collect from now on.

        Args:
            delete: Makes a build invisible; its files go after that.
        """
        self._delete = delete

    async def is_used(self, build: BuildName) -> bool:
        """Whether a process uses it, as far as it can be seen from here."""
        asked = trio.current_time()
        async with self._looking:
            if self._seen_from < asked:
                await trio.sleep(GATHER_SECONDS)
                self._seen_from = trio.current_time()
                self._seen = await trio.to_thread.run_sync(self._look)
            return build in self._seen.uses

    @staticmethod
    def _look() -> Look:
        """What this process and its children have open is open exports, which are waited for by themselves."""
        return look(partly=with_children(os.getpid()))

    async def make_room(self, *, is_short: bool) -> None:
        """Collect if the disk is short of room, and not for the first time in a while; see `scheduler.room`."""
        if not is_short and self._free_bytes() >= self._settings.gc_free_bytes:
            return
        async with self._collecting:
            if trio.current_time() < self._last + PAUSE_SECONDS or self._delete is None:
                return
            with trio.move_on_after(PATIENCE_SECONDS):
                try:
                    if self._settings.gc_request:
                        await self._have_collected(self._settings.gc_request)
                    else:
                        await self._collect(self._delete)
                except (CondafsError, OSError) as error:  # it is the build's turn all the same
                    logger.warning("room is short, and the collection failed: %s", error)
            self._last = trio.current_time()

    def _free_bytes(self) -> int:
        found = os.statvfs(self._settings.state)
        return found.f_bavail * found.f_frsize

    async def _have_collected(self, request: Path) -> None:
        """Ask whoever watches that file, and wait until it is removed: then he has done what he can."""
        place = trio.Path(request)
        await place.touch()
        logger.info("room is short: a collection is asked for by %s", place)
        while await place.exists():  # noqa: ASYNC110 - another process removes it
            await trio.sleep(_POLL_SECONDS)

    async def _collect(self, delete: Delete) -> None:
        before = self._free_bytes()
        swept = await trio.to_thread.run_sync(self._sweep, delete)
        if swept is None:
            return
        await self._settle({verdict.build for verdict in swept.removed})
        spare = await trio.to_thread.run_sync(self._cache.find, time.time(), 0)
        removed = await trio.to_thread.run_sync(self._cache.remove, spare)
        logger.info(
            "room was short (%s free): %d builds and %d unused packages and other parts of the cache went; %s are free",
            size_text(before),
            len(swept.removed),
            removed.count,
            size_text(self._free_bytes()),
        )

    def _sweep(self, delete: Delete) -> Swept | None:
        """In a thread."""
        seen = look()
        if spot := seen.blind_spot(os.geteuid(), is_shared=self._is_shared):
            logger.warning("room is short, and nothing is collected: %s cannot be looked into (see gc-request)", spot)
            return None

        def from_thread(verdict: Verdict) -> None:
            trio.from_thread.run(delete, verdict.build)

        plan = self._plan(seen)
        return sweep(plan.doomed, Doors(look, self._exports.count_open, from_thread))

    def _plan(self, seen: Look) -> Plan:
        policy = Policy(self._settings.gc_keep_generations, self._settings.gc_keep_days)
        with self._catalog.snapshot() as snapshot:
            candidates, pins = read_candidates(snapshot), read_pins(snapshot)
        evidence = Evidence(pins, seen.words(), {c.build for c in candidates if self._is_exported(c.build)})
        return make_plan(judge(candidates, policy, evidence, time.time()))

    def _is_exported(self, build: BuildName) -> bool:
        return build in self._exports.count_open(build.name)

    async def _settle(self, builds: set[BuildName]) -> None:
        """Wait until their files are gone; those that processes began to use meanwhile keep nobody longer than that."""
        while any(map(self._is_going, builds)):  # noqa: ASYNC110 - the catalog has no events to wait for
            await trio.sleep(_POLL_SECONDS)

    def _is_going(self, build: BuildName) -> bool:
        with self._catalog.snapshot() as snapshot:
            record = snapshot.build(build.digest)
        return record is not None and record.state is BuildState.DELETING
