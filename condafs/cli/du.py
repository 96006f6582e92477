"""`du`: what environments take on the disk, and what would be free without them."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from condafs.catalog.records import BuildRecord, BuildState
from condafs.cli.house import ConfigOption, StateOption, open_house
from condafs.cli.parameters import JsonOption, MountOption, NameArgument
from condafs.cli.terminal import output, print_json, print_table, remarks
from condafs.garbage.measure import count_parts, measure
from condafs.garbage.usage import Disk
from condafs.wording import size_text


def du(
    name: NameArgument | None = None,
    /,
    *,
    json: JsonOption = False,
    mount: MountOption = None,
    state: StateOption = None,
    config: ConfigOption = None,
) -> None:
    """Show what environments take on the disk, and what would be free without them.

    APPARENT counts all files of all builds. UNIQUE is what no other build has, free at once when the builds go.
    PACKAGES is what the package cache holds for nobody else, free once that is collected, too (condafs gc).

    Args:
        name: Show the builds of this environment, each by itself.
        json: JSON for programs.
        mount: The mount that is meant.
        state: State directory of the mount's daemon, when the mount does not show.
        config: Settings file of the mount's daemon.
    """
    with open_house(mount, state, config) as house:
        if name is not None:
            house.envs.status(name)  # complains when there is no such environment
        with house.catalog.snapshot() as snapshot:
            records = [record for record in snapshot.builds() if record.state is BuildState.READY]
        settings = house.settings
        with _bar(settings.packages, is_shown=not json) as advance:
            disk = measure(records, lambda record: _owner(record, name), settings.builds, settings.packages, advance)
    owners = {_owner(record, name): record for record in records if name in (None, record.name.text)}
    usages = [usage for usage in disk.usages if usage.owner in owners]
    if json:
        totals = {"shared_bytes": disk.shared_bytes, "unused_bytes": disk.unused_bytes, "other_bytes": disk.other_bytes}
        totals |= {"cache_bytes": disk.cache_bytes, "total_bytes": disk.total_bytes}
        print_json({"usages": [asdict(usage) for usage in usages], **totals})
        return
    rows = [
        [
            usage.owner,
            str(usage.builds if name is None else owners[usage.owner].generation),
            *map(size_text, (usage.apparent_bytes, usage.unique_bytes, usage.package_bytes)),
        ]
        for usage in usages
    ]
    what = ("NAME", "BUILDS") if name is None else ("BUILD", "GEN")
    print_table((*what, "APPARENT", "UNIQUE", "PACKAGES"), rows, right=(what[1], "APPARENT", "UNIQUE", "PACKAGES"))
    output().print(_total(disk))


def _owner(record: BuildRecord, name: str | None) -> str:
    """Environments are looked at as one, but that of the name, whose builds are not."""
    return f"{record.name}@{record.digest.short}" if record.name.text == name else record.name.text


@contextmanager
def _bar(packages: Path, *, is_shown: bool) -> Iterator[Callable[[], None]]:
    console = remarks()
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    disable = not (is_shown and console.is_terminal)
    with Progress(*columns, console=console, transient=True, disable=disable) as progress:
        task = progress.add_task("package cache", total=count_parts(packages))
        yield lambda: progress.advance(task)


def _total(disk: Disk) -> str:
    return (
        f"{size_text(disk.total_bytes)} on the disk: {size_text(disk.total_bytes - disk.cache_bytes)} in builds, "
        f"{size_text(disk.cache_bytes)} in the package cache ({size_text(disk.shared_bytes)} shared, "
        f"{size_text(disk.unused_bytes)} of packages that no build has)"
    )
