"""The house put together: the only place that builds objects out of others.

One trio process. Start: directories, catalog (one daemon a state directory), what a crash left is put right, mount,
ready. End (SIGTERM, SIGINT, or unmounted by somebody): the mount goes first, so that nobody meets a half-closed daemon;
then the running builds are killed, which the catalog remembers as interrupted and not as failed.

The mount may outlive the process, when whoever started it keeps the connection to the kernel (systemd's descriptor
store): then a daemon that was killed or is started again is followed by one that takes its mount over.
"""

import errno
import grp
import logging
import os
import random
import signal
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

import trio

from condafs.builder.cage.outside import look_outside
from condafs.builder.runner import LocalRunner, Runner
from condafs.builder.socket_runner import SocketRunner
from condafs.catalog.store import Catalog
from condafs.catalog.usage import count_anew
from condafs.config import Settings
from condafs.errors import CondafsError, DiskFullError, MachineError, UserError
from condafs.export.exports import Exports
from condafs.filesystem.connection import Custody
from condafs.filesystem.ledger import Ledger
from condafs.filesystem.mounting import mount_at
from condafs.filesystem.serve import Mounting
from condafs.garbage.collector import Collector
from condafs.mirror.child import command_of, keep_watching
from condafs.notify import Notifier, take_descriptors
from condafs.scheduler.allowances import Allowances
from condafs.scheduler.announcer import Announcer
from condafs.scheduler.catch_up import catch_up
from condafs.scheduler.intake import Intake
from condafs.scheduler.logbook import Logbook
from condafs.scheduler.scheduler import Scheduler
from condafs.scheduler.status_line import tell_overview
from condafs.scheduler.steering import Steering
from condafs.scheduler.strays import require_catalog_of, require_known_builds
from condafs.tree.specs.owner import read_owner
from condafs.tree.specs.owners import reconcile_owners
from condafs.tree.tree import Tree

logger = logging.getLogger(__name__)

ENDING_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)

SWITCH_SECONDS = 0.0005
"""How long a worker thread (commits, parsing) may keep the event loop waiting for Python's global lock; ten times less
than the default, because each wait is somebody's readlink."""

FUSE = "fuse"
"""Name of the connection to the kernel among descriptors that are passed and kept."""

WATCHDOG_SHARE = 3
"""Signs of life in one watchdog interval; sd_watchdog_enabled(3) asks for at least two."""


def run(mountpoint: Path, settings: Settings, runner: Runner | None = None, *, takes_over: bool = False) -> int:
    """Serve environments at a directory until it is unmounted or the process is told to end.

    A connection to the kernel that was passed to the process as `fuse` (sd_listen_fds(3)) is used; else it mounts.

    Args:
        mountpoint: An existing, empty directory.
        settings: Where the state is, and what is allowed.
        runner: What builds; None: processes on this machine, as the settings say.
        takes_over: Whether the mount is to outlive the process: the connection goes into the descriptor store of who
            started it, and what the next daemon has to know into `$RUNTIME_DIRECTORY/ledger`.

    Returns:
        The exit code: 0 after a clean end.

    Raises:
        CondafsError: It cannot start: the state directory cannot be written or is in use, there is no FUSE, something
            else is mounted there.
    """
    passed = take_descriptors(os.environ, os.getpid()).get(FUSE)
    notifier = Notifier.take(os.environ, os.getpid())
    ledger_path = _place_of_ledger(notifier, os.environ.get("RUNTIME_DIRECTORY", "")) if takes_over else None
    settings = settings if passed is None else replace(settings, allow_other=_is_shared(mountpoint))
    _make_directories(settings)
    sys.setswitchinterval(SWITCH_SECONDS)
    os.umask(0o022)  # environments are for everybody who may see the mount
    # Signals that come when the last receiver is closed again would end the process before it has unmounted.
    for number in ENDING_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    require_catalog_of(settings.builds, settings.catalog)
    with Catalog.open(settings.catalog, reader_gid=_group(settings.catalog_group), is_probed=True) as catalog:
        require_known_builds(settings.builds, catalog)
        # Not before nobody else can have the catalog: the ledger of a daemon that lives is its own.
        custody = _custody(notifier, ledger_path, passed)
        place = _Place(mountpoint, custody, passed)
        house = partial(_live, place, settings, catalog, runner, notifier)
        try:
            trio.run(house)
        except* CondafsError as group:
            raise _first(group) from None
    return 0


def _first(group: BaseExceptionGroup[CondafsError]) -> CondafsError:
    """Nurseries wrap errors in groups; what stopped the start is one error."""
    error: BaseException = group
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    assert isinstance(error, CondafsError)  # noqa: S101 - the group was split so
    return error


@dataclass(frozen=True, slots=True)
class _Place:
    """Where to serve, who keeps that mount, and the connection to the kernel when it was passed to us."""

    mountpoint: Path
    custody: Custody | None
    passed: int | None


def _place_of_ledger(notifier: Notifier, runtime: str) -> Path:
    if not notifier.address or not runtime:
        msg = "--take-over is for services: NOTIFY_SOCKET and RUNTIME_DIRECTORY have to be set (systemd.exec(5))"
        raise UserError(msg)
    return Path(runtime.partition(":")[0]) / "ledger"


def _custody(notifier: Notifier, path: Path | None, passed: int | None) -> Custody | None:
    if path is None and passed is None:
        return None
    ledger = None
    if path:
        try:
            ledger = Ledger.open(path)
        except OSError as error:
            logger.warning("%s cannot be used, the mount will not outlive this daemon: %s", path, error)
    return Custody(partial(notifier.keep, FUSE), partial(notifier.drop, FUSE), ledger)


def _is_shared(mountpoint: Path) -> bool:
    """Whether others see the mount whose connection was passed, which its maker decided; to be taken for granted where
    it cannot be seen.
    """  # noqa: D205 - one thought
    mount = mount_at(mountpoint)
    return mount is None or mount.is_shared


def _group(name: str) -> int | None:
    if not name:
        return None
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        msg = f"there is no group {name} (setting catalog-group): make it with groupadd --system {name}"
        raise MachineError(msg) from None


def _make_directories(settings: Settings) -> None:
    try:
        settings.state.mkdir(parents=True, exist_ok=True)
        is_builder_another = settings.builder_socket is not None  # who then makes and owns builds and packages
        for directory in (settings.logs, *([] if is_builder_another else [settings.builds])):
            directory.mkdir(exist_ok=True)
        # These may hold what channels' owners keep secret.
        for directory in (settings.specs, *([] if is_builder_another else [settings.packages])):
            directory.mkdir(mode=0o700, exist_ok=True)
            directory.chmod(0o700)
    except OSError as error:
        kind = DiskFullError if error.errno in (errno.ENOSPC, errno.EDQUOT) else MachineError
        msg = f"cannot make {error.filename}: {error.strerror}; --state names another directory"
        raise kind(msg) from None


@asynccontextmanager
async def _chosen_runner(settings: Settings, nursery: trio.Nursery) -> AsyncIterator[Runner]:
    """Where builds are made. One builder waits with its libraries loaded: that saves each build a fifth of a second."""
    runner: SocketRunner | LocalRunner
    if settings.builder_socket:
        logger.info("builds are made by a unit of their own, at %s", settings.builder_socket)
        runner = SocketRunner(settings.builder_socket, nursery)
    else:
        outside = await trio.to_thread.run_sync(look_outside, settings.sandbox, settings.state)
        logger.info("builds are made in %s%s", outside.level, f"; {outside.lacks}" if outside.lacks else "")
        runner = LocalRunner(outside.wrap, keeps_spare=True, aside=nursery)
    nursery.start_soon(runner.prepare)
    try:
        yield runner
    finally:
        await runner.aclose()


async def _live(place: _Place, settings: Settings, catalog: Catalog, runner: Runner | None, notifier: Notifier) -> None:
    with trio.open_signal_receiver(*ENDING_SIGNALS) as signals:
        async with trio.open_nursery() as nursery, AsyncExitStack() as stack:
            if runner is None:
                runner = await stack.enter_async_context(_chosen_runner(settings, nursery))
            await _work(place, settings, catalog, runner, notifier, signals)
            nursery.cancel_scope.cancel()


async def _work(  # noqa: PLR0913, PLR0917 - the house is made of these
    place: _Place,
    settings: Settings,
    catalog: Catalog,
    runner: Runner,
    notifier: Notifier,
    signals: AsyncIterator[int],
) -> None:
    async with trio.open_nursery() as working:
        exports = Exports(catalog, settings, working)
        collector = Collector(catalog, settings, exports, is_shared=settings.is_shared)
        allowances = Allowances(settings, os.geteuid())
        scheduler = Scheduler(
            catalog,
            runner,
            settings,
            exports,
            clock=time.time,
            uniform=random.uniform,
            room=collector,
            allowances=allowances,
        )
        announcer = Announcer(catalog, scheduler, Logbook(settings.logs, time.time))
        intake = Intake(catalog, announcer, allowances, settings, clock=time.time)
        steering = Steering(catalog, announcer, allowances, clock=time.time)
        collector.serve(steering.delete_build)
        tree = Tree(settings, catalog, intake, steering, scheduler, exports)
        mounting = Mounting(
            tree, place.mountpoint, allow_other=settings.is_shared, custody=place.custody, passed=place.passed
        )
        await exports.sweep()
        await mounting.recall()
        await catalog.write(count_anew)
        await working.start(scheduler.run)
        await reconcile_owners(intake, catalog, settings.specs)
        await catch_up(intake, catalog, settings.specs, _owner_uid, tree.is_being_written)
        async with trio.open_nursery() as serving:
            working.start_soon(_end_at_signal, signals, serving.cancel_scope)

            async def serve_until_unmounted(task_status: trio.TaskStatus[None]) -> None:
                await mounting.serve(task_status)
                serving.cancel_scope.cancel()

            await serving.start(serve_until_unmounted)
            serving.start_soon(_show_life, notifier)
            if settings.watch:
                command = command_of(place.mountpoint, settings.watch, retires=settings.watch_retire)
                serving.start_soon(keep_watching, command)
            notifier.ready(f"serving {place.mountpoint}")
            if notifier.address:
                tell = partial(_tell_status, notifier, place.mountpoint)
                serving.start_soon(tell_overview, scheduler, catalog, tell)
            logger.info("serving %s, state in %s", place.mountpoint, settings.state)
        notifier.stopping()
        working.cancel_scope.cancel()


def _owner_uid(path: Path) -> int:
    return read_owner(str(path), path.lstat()).uid


async def _end_at_signal(signals: AsyncIterator[int], scope: trio.CancelScope) -> None:
    """End at the first signal; those that follow change nothing."""
    async for number in signals:
        logger.info("ending: %s", signal.Signals(number).name)
        scope.cancel()


def _tell_status(notifier: Notifier, mountpoint: Path, overview: str) -> None:
    notifier.status(f"serving {mountpoint}: {overview}")


async def _show_life(notifier: Notifier) -> None:
    """Tell the watchdog that the event loop turns."""
    while notifier.watchdog_seconds:
        notifier.watchdog()
        await trio.sleep(notifier.watchdog_seconds / WATCHDOG_SHARE)
