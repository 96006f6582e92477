"""Fetching and linking: rattler's installer, and what it reports on the way."""

import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from rattler.exceptions import InstallerError
from rattler.install import InstallerReporter, install
from rattler.platform import Subdir

from condafs.builder.bytecode import Bytecode
from condafs.builder.cache import Cache
from condafs.builder.events import Events
from condafs.builder.protocol import Phase, Progress
from condafs.builder.solve import Solution

_WITHOUT_FILE = re.compile(r"^failed to link (\S+)\.(?:conda|tar\.bz2)$.*\(os error 2\)", re.MULTILINE | re.DOTALL)
"""ENOENT while linking."""


@dataclass(frozen=True, slots=True)
class Follower:
    """Whoever goes on with packages, told in rattler's threads; packages go by their places in the solution.

    Attributes:
        bytecode: Told of each package that is cached, and linked.
        on_cached: Told of each package that is cached, before it is linked.
        on_linked: Told of each package that is linked.
    """

    bytecode: Bytecode | None
    on_cached: Callable[[int], None]
    on_linked: Callable[[int], None]

    def note_cached(self, number: int) -> None:
        """The package is in the cache."""
        self.on_cached(number)
        if self.bytecode:
            self.bytecode.note_cached(number)

    def note_linked(self, number: int) -> None:
        """The package is in the environment."""
        if self.bytecode:
            self.bytecode.note_linked(number)
        self.on_linked(number)


def package_without_file(error: InstallerError) -> str | None:
    """The distribution whose extracted package lacks a file that it lists, when that was the error."""
    match = _WITHOUT_FILE.search(str(error))
    return match[1] if match else None


async def install_packages(  # noqa: PLR0913 - what is made, where, of what, and who follows
    solution: Solution, prefix: Path, cache: Cache, events: Events, follower: Follower, *, is_checked: bool
) -> None:
    """Make the environment: hard links from the package cache, which is filled on the way.

    Post-link scripts are not run here: a failing one would be no error (shared experiment, py-rattler 0.28).

    Args:
        solution: What to install.
        prefix: Does not exist, or is empty.
        cache: Where packages come from.
        events: Told how far it is.
        follower: Told of each package.
        is_checked: Whether the cache is looked through for lost files first.

    Raises:
        rattler's errors: see `failure`, and `package_without_file`. The prefix is half made then.
    """
    await install(
        solution.records,
        prefix,
        package_cache=cache.package_cache(is_checked=is_checked),
        platform=Subdir(solution.platform),
        installed_packages=[],
        execute_link_scripts=False,
        show_progress=False,
        # The binding wants the inner objects, whatever its signature says (shared experiment, py-rattler 0.28).
        requested_specs=[spec._match_spec for spec in solution.requested],  # noqa: SLF001
        reporter=cast("InstallerReporter", _Reporter(solution, events, follower)),  # what it lacks, rattler leaves out
    )


class _Reporter:
    """What rattler tells, in its own threads; what is raised here is lost. Its numbers are places in the list."""

    def __init__(self, solution: Solution, events: Events, follower: Follower) -> None:
        self._names = [record.name.normalized for record in solution.records]
        self._sizes = [record.size or 0 for record in solution.records]
        self._total_bytes = sum(self._sizes)
        self._events = events
        self._follower = follower
        self._lock = threading.Lock()
        self._fetched = self._fetched_bytes = self._linked = 0

    def on_populate_cache_start(self, operation: int, package_name: str) -> int:  # noqa: ARG002
        return operation

    def on_download_start(self, cache_entry: int) -> int:
        return cache_entry

    def on_populate_cache_complete(self, cache_entry: int) -> None:
        self._follower.note_cached(cache_entry)
        with self._lock:
            self._fetched += 1
            self._fetched_bytes += self._sizes[cache_entry]
            is_last = self._fetched == len(self._names)
            self._report_fetch(cache_entry)
        if is_last:
            self._events.enter(Phase.LINK)

    def on_download_progress(self, download_idx: int, progress: int, total: int | None) -> None:  # noqa: ARG002
        with self._lock:
            self._report_fetch(download_idx, progress)

    def on_link_start(self, operation: int, package_name: str) -> int:  # noqa: ARG002
        return operation

    def on_link_complete(self, index: int) -> None:
        self._follower.note_linked(index)
        with self._lock:
            self._linked += 1
            if self._fetched == len(self._names):
                self._events.report(Progress(Phase.LINK, self._names[index], self._linked, len(self._names)))

    def _report_fetch(self, number: int, more_bytes: int = 0) -> None:
        name, total = self._names[number], len(self._names)
        done_bytes = min(self._fetched_bytes + more_bytes, self._total_bytes)
        self._events.report(Progress(Phase.FETCH, name, self._fetched, total, done_bytes, self._total_bytes))
