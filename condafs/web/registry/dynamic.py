"""Packages that a path asks for, built when they are pulled: once, by the daemon, as any specification.

The path is written into `.specs` as `dynamic-<hash>.yaml` on behalf of `dynamic`; from then on it is an environment as
others are, to be seen and retired as they are. A pull waits for its build as long as clients wait, and is told to come
back after that. One that failed is tried again when somebody pulls it later than some minutes after that: channels
change.

Who may pull may have things built. So how much is built at once is bounded, and how many such environments there are.
"""

import itertools
from collections.abc import Callable

import trio

from condafs.catalog.reader import Snapshot
from condafs.catalog.records import ACTIVE_STATES, BuildRecord, BuildState, EnvironmentRecord
from condafs.catalog.store import Catalog
from condafs.client.envs import Envs
from condafs.client.steering import try_again
from condafs.names import BuildName, EnvironmentName
from condafs.web.errors import BusyError
from condafs.web.following import Follower
from condafs.web.mount import Mount
from condafs.web.registry.dynamic_path import PREFIX, DynamicPath, is_dynamic
from condafs.web.registry.refusals import Code, RegistryError
from condafs.web.submitting import submit

MOST_BUILDS = 4
"""Dynamic builds in the making at once."""

MOST_ENVIRONMENTS = 200
"""Dynamic environments that are not retired."""

FAILURE_SECONDS = 600
"""How long a build that failed is not tried again."""

SETTLE_SECONDS = 1
"""How long what was submitted may take to be seen in the catalog, before it is submitted again."""

BEHALF = "dynamic"
RETRY_SECONDS = 5

_RUNNING = frozenset({BuildState.QUEUED, BuildState.BUILDING})


class Dynamic:
    """Has paths built.

    Args:
        catalog: Says what there is.
        mount: Specifications are written there.
        follower: Tells when something has happened.
        clock: Unix seconds.
        is_on: Whether anything is built.
    """

    def __init__(
        self,
        catalog: Catalog,
        mount: Mount,
        follower: Follower,
        clock: Callable[[], float],
        *,
        is_on: bool,
    ) -> None:
        self._is_on = is_on
        self._catalog = catalog
        self._mount = mount
        self._follower = follower
        self._clock = clock
        self._submitting = trio.Lock()

    def require_on(self) -> None:
        """Refuse when this is off.

        Raises:
            RegistryError: It is.
        """
        if not self._is_on:
            msg = f"{PREFIX}/… is switched off here: 'http-dynamic: yes' in the server's settings switches it on"
            raise RegistryError(Code.NAME_UNKNOWN, msg)

    async def build(self, path: DynamicPath, patience_seconds: float) -> BuildName:
        """The build of a path; it is made when there is none.

        Raises:
            RegistryError: It cannot be built, or there are too many.
            BusyError: It takes longer, or too much is being built.
        """
        with trio.move_on_after(patience_seconds), self._follower.watching() as bell:
            while True:
                news = bell.event  # before looking: a change meanwhile wakes at once
                if build := self._look(path):
                    return build
                if not self._is_wanting(path.environment):
                    await news.wait()
                    continue
                await self._submit(path)
                with trio.move_on_after(SETTLE_SECONDS):
                    await news.wait()
        msg = f"an environment with {path} is being built ({await self._phase(path)}): pull again"
        raise BusyError(msg, RETRY_SECONDS)

    def _look(self, path: DynamicPath) -> BuildName | None:
        """What can be pulled (RegistryError: its build failed just now)."""
        name = path.environment
        with self._catalog.snapshot() as snapshot:
            record = snapshot.environment(name)
            if record is None or record.is_retired:
                return None
            if record.current:
                return BuildName(record.current, name)
            build = snapshot.build(record.wanted)
        if build and build.state not in ACTIVE_STATES and not self._may_try_again(build):
            msg = f"an environment with {path} {_story(build)}"
            raise RegistryError(Code.MANIFEST_UNKNOWN, msg, {"environment": name.text})
        return None

    def _is_wanting(self, name: EnvironmentName) -> bool:
        """Whether nothing is under way."""
        with self._catalog.snapshot() as snapshot:
            record = snapshot.environment(name)
            build = snapshot.build(record.wanted) if record and not record.is_retired else None
        return build is None or (build.state not in ACTIVE_STATES and self._may_try_again(build))

    def _may_try_again(self, build: BuildRecord) -> bool:
        return build.state is not BuildState.READY and self._clock() > build.finished + FAILURE_SECONDS

    async def _submit(self, path: DynamicPath) -> None:
        """Have it built, unless somebody else was faster."""
        name = path.environment
        async with self._submitting:
            if not self._is_wanting(name):
                return
            with self._catalog.snapshot() as snapshot:
                record = snapshot.environment(name)
                _require_room(snapshot, record)
            if record is None or record.is_retired:
                await self._mount.ask(submit, path.file, f"{name}.yaml", BEHALF)
            else:
                await self._mount.ask(try_again, name.text)

    async def _phase(self, path: DynamicPath) -> str:
        return await self._mount.ask(_phase_of, path.environment.text)


def _require_room(snapshot: Snapshot, record: EnvironmentRecord | None) -> None:
    """Refuse one build more, or one environment more, when there are too many."""
    running = sum(build.state in _RUNNING and is_dynamic(build.name.text) for build in snapshot.active())
    if running >= MOST_BUILDS:
        msg = f"{running} environments of {PREFIX} are being built, and no more at once: pull again in a while"
        raise BusyError(msg, 3 * RETRY_SECONDS)
    if record and not record.is_retired:
        return
    behind = itertools.takewhile(lambda item: item.name.text.startswith("dynamic-"), snapshot.environments("dynamic-"))
    count = sum(is_dynamic(item.name.text) and not item.is_retired for item in behind)
    if count >= MOST_ENVIRONMENTS:
        msg = f"there are {count} environments of {PREFIX}, no more are made: retire some (rm .specs/dynamic-*.yaml)"
        raise RegistryError(Code.DENIED, msg)


def _story(build: BuildRecord) -> str:
    if build.state is not BuildState.FAILED:
        return f"was {build.state}"
    return f"cannot be built ({build.failure_kind}): {build.failure_message}"


def _phase_of(envs: Envs, name: str) -> str:
    status = envs.find_status(name)
    building = status.building if status else None
    if building is None:
        return status.state if status else "not begun"
    if building.state == "waiting" and status and status.last_error:
        return f"to be tried again at {building.next_try}: {status.last_error.message}"
    count = f" {building.done} of {building.total}" if building.total else ""
    return f"{building.phase or building.state}{count}"
