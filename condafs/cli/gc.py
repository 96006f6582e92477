"""`gc`: which builds, packages and logs nobody needs any more, and their removal."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from condafs.catalog.files import writer
from condafs.catalog.records import BuildState
from condafs.cli.collection import Collection, describe, tell
from condafs.cli.house import ConfigOption, House, StateOption, open_house
from condafs.cli.parameters import JsonOption, MountOption, value_of
from condafs.cli.terminal import print_json, remarks
from condafs.client.mountpoint import is_shared
from condafs.client.steering import delete_build
from condafs.config import Settings, load_settings, parse_days, parse_size
from condafs.errors import MachineError, UserError
from condafs.garbage.acting import acting_as_owner
from condafs.garbage.facts import read_candidates, read_pins
from condafs.garbage.logs import orphaned_logs
from condafs.garbage.packages import PackageCache, Spare
from condafs.garbage.policy import Evidence, Policy, judge, make_plan
from condafs.garbage.processes import Look, look, with_children
from condafs.garbage.sweep import Doors, sweep
from condafs.names import BuildName, EnvironmentName

_SETTLE_SECONDS = 10
"""So long nothing may happen until builds that are on their way out are left to the daemon."""
_POLL_SECONDS = 0.05


def gc(  # noqa: PLR0913 - its options
    *,
    dry_run: Annotated[bool, Parameter(name=["--dry-run", "-n"], negative="")] = False,
    max_freed: str | None = None,
    keep_generations: int | None = None,
    keep_days: str | None = None,
    keep_packages_days: str | None = None,
    force: Annotated[bool, Parameter(negative="")] = False,
    quiet: Annotated[bool, Parameter(name=["--quiet", "-q"], negative="")] = False,
    json: JsonOption = False,
    mount: MountOption = None,
    state: StateOption = None,
    config: ConfigOption = None,
) -> int:
    """Remove builds that nobody needs any more, and packages that no build has.

    Kept is every build that a name leads to, that a specification describes, that is pinned (condafs pin), among the
    last gc-keep-generations of its environment, current within the last gc-keep-days, used by a process, or read as
    .tar or .oci. Virtual environments and kernels that were made on top of a build name its directory: when it goes,
    they break, and nothing here can know of them.

    Args:
        dry_run: Say what would go, and why; remove nothing.
        max_freed: Stop when so much is freed, as in 10G; what was unneeded for longest goes first.
        keep_generations: Instead of the setting gc-keep-generations.
        keep_days: Instead of the setting gc-keep-days.
        keep_packages_days: Instead of the setting gc-keep-packages-days.
        force: Collect though processes of others, which may use builds, cannot be looked into.
        quiet: Say only what is wrong, and one line about what was removed.
        json: JSON for programs.
        mount: The mount that is meant.
        state: State directory of the mount's daemon, when the mount does not show.
        config: Settings file of the mount's daemon.
    """
    limit = None if max_freed is None else value_of("--max-freed", parse_size, max_freed)
    with (
        _answering(load_settings(config, state).gc_request, is_dry=dry_run),
        open_house(mount, state, config) as opened,
    ):
        settings = _with_options(opened.settings, keep_generations, keep_days, keep_packages_days)
        house = replace(opened, settings=settings)
        found = _find(house, limit, is_forced=force or dry_run)
        if not dry_run:
            _remove(house, found, limit, is_shown=not (quiet or json))
    if json:
        print_json(describe(house, found, is_dry=dry_run))
    else:
        tell(found, is_dry=dry_run, is_quiet=quiet)
    return 1 if found.swept.refused else 0


@contextmanager
def _answering(request: Path | None, *, is_dry: bool) -> Iterator[None]:
    """Whoever asked for a collection waits until the file is gone, and whoever watches it must not start another.

    One that is made from now on is for the next collection: this one may have looked already at what it is about.
    """
    made = None if request is None or is_dry else _made(request)
    try:
        yield
    finally:
        if request and made and _made(request) == made:
            request.unlink(missing_ok=True)


def _made(request: Path) -> tuple[int, int] | None:
    """Which request, and when it was made."""
    with suppress(FileNotFoundError):
        found = request.stat()
        return found.st_ino, found.st_mtime_ns
    return None


def _with_options(
    settings: Settings, keep_generations: int | None, keep_days: str | None, keep_packages_days: str | None
) -> Settings:
    """The settings, but for what the command line says, and with no grace for packages while the disk is short."""
    if keep_generations is not None and keep_generations < 0:
        msg = f"--keep-generations is a whole number, not {keep_generations}"
        raise UserError(msg)
    found = os.statvfs(settings.state)
    is_short = found.f_bavail * found.f_frsize < settings.gc_free_bytes
    grace = 0.0 if is_short else settings.gc_keep_packages_days
    return replace(
        settings,
        gc_keep_generations=settings.gc_keep_generations if keep_generations is None else keep_generations,
        gc_keep_days=settings.gc_keep_days if keep_days is None else value_of("--keep-days", parse_days, keep_days),
        gc_keep_packages_days=(
            grace if keep_packages_days is None else value_of("--keep-packages-days", parse_days, keep_packages_days)
        ),
    )


def _find(house: House, limit: int | None, *, is_forced: bool) -> Collection:
    """What may go now."""
    settings = house.settings
    seen = _look(house)
    told = _require_sight(house, seen, is_forced=is_forced)
    policy = Policy(settings.gc_keep_generations, settings.gc_keep_days)
    now = time.time()
    with house.catalog.snapshot() as snapshot:
        candidates, pins = read_candidates(snapshot), read_pins(snapshot)
        logs = orphaned_logs(settings.logs, lambda build: snapshot.build(build.digest) is not None, now)
    # Without exports and uses first: only environments that something would go from are asked for their exports.
    first = make_plan(judge(candidates, policy, Evidence(pins), now))
    exported = _exported(house, {verdict.build.name for verdict in first.doomed})
    plan = make_plan(judge(candidates, policy, Evidence(pins, seen.words(), exported), now), limit)
    doomed = {str(verdict.build) for verdict in plan.doomed}
    spare = _cache(house).find(now, settings.gc_keep_packages_days, doomed)
    return Collection(plan, _within(spare, limit, plan.own_bytes), logs, remarks=told)


def _look(house: House) -> Look:
    """What the daemon has open is exports, of which it tells by itself; it closes them later than their readers."""
    return look(partly=with_children(writer(house.settings.catalog)))


def _require_sight(house: House, seen: Look, *, is_forced: bool) -> list[str]:
    spot = seen.blind_spot(os.geteuid(), is_shared=is_shared(house.envs.mount))
    if not spot:
        return []
    text = f"{spot} cannot be looked into, and may use builds"
    if not is_forced:
        msg = f"{text}: run this as root, or with --force if you know better. Nothing was removed"
        raise MachineError(msg)
    return [text]


def _cache(house: House) -> PackageCache:
    return PackageCache(house.catalog, house.settings.builds, house.settings.packages)


def _exported(house: House, names: set[EnvironmentName]) -> set[BuildName]:
    """Builds of these names of which somebody reads an export now; the daemon knows."""
    found: set[BuildName] = set()
    for name in names:
        if status := house.envs.find_status(name.text):
            found |= {BuildName.parse(build) for build in status.open_exports}
    return found


def _within(spare: list[Spare], limit: int | None, freed: int) -> list[Spare]:
    """As many as it takes to free so much, the longest unused first."""
    if limit is None:
        return spare
    kept = []
    for item in sorted(spare, key=lambda item: item.unused_since):
        if freed >= limit:
            break
        kept.append(item)
        freed += item.size_bytes
    return kept


def _remove(house: House, found: Collection, limit: int | None, *, is_shown: bool) -> None:
    doors = Doors(
        look=lambda: _look(house),
        exported=lambda name: _exported(house, {name}),
        delete=lambda verdict: delete_build(house.envs, verdict.build),
    )
    with _bar("builds", len(found.plan.doomed), is_shown=is_shown) as advance:
        found.swept = sweep(found.plan.doomed, doors, lambda _: advance())
        _settle(house, found)
    # Anew: the packages of builds that went just now begin their grace, or have none.
    spare = _cache(house).find(time.time(), house.settings.gc_keep_packages_days)
    found.spare = _within(spare, limit, found.swept.own_bytes)
    try:
        with acting_as_owner(house.settings.packages):
            found.cache = _cache(house).remove(found.spare)
    except PermissionError:
        found.remarks.append(f"you may not change the package cache {house.settings.packages}")
    except NotADirectoryError:
        found.remarks.append(f"{house.settings.packages} is a link, or no directory: it is left alone")
    if found.cache.is_busy:
        found.remarks.append("builds are being made: the package cache is left for the next time")
    for log in found.logs:
        with suppress(FileNotFoundError, PermissionError):
            log.unlink()


def _settle(house: House, found: Collection) -> None:
    """Wait until the files are gone. Those that a process began to use meanwhile go when it ends."""
    going = {verdict.build for verdict in found.swept.removed}
    deadline = time.monotonic() + _SETTLE_SECONDS
    while going and time.monotonic() < deadline:
        with house.catalog.snapshot() as snapshot:
            records = [snapshot.build(build.digest) for build in going]
        left = {record.build for record in records if record and record.state is BuildState.DELETING}
        if left != going:
            going, deadline = left, time.monotonic() + _SETTLE_SECONDS
        time.sleep(_POLL_SECONDS)
    if going:
        found.remarks.append(f"the files of {len(going)} builds go as soon as nobody uses them any more")


@contextmanager
def _bar(label: str, total: int, *, is_shown: bool) -> Iterator[Callable[[], None]]:
    console = remarks()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    is_shown = is_shown and console.is_terminal and total > 0
    with Progress(*columns, console=console, transient=True, disable=not is_shown) as progress:
        task = progress.add_task(label, total=total)
        yield lambda: progress.advance(task)
