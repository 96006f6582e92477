"""Fetching and linking: rattler's installer, and what it reports on the way."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import cast

from rattler.install import InstallerReporter, install
from rattler.platform import Subdir

from condafs.builder.bytecode import Bytecode
from condafs.builder.cache import Cache
from condafs.builder.events import Events
from condafs.builder.protocol import Phase, Progress
from condafs.builder.solve import Solution


async def install_packages(  # noqa: PLR0913, PLR0917 - all of them are told of each package
    solution: Solution,
    prefix: Path,
    cache: Cache,
    events: Events,
    bytecode: Bytecode | None,
    on_cached: Callable[[int], None],
) -> None:
    """Make the environment: hard links from the package cache, which is filled on the way.

    Post-link scripts are not run here: a failing one would be no error (shared experiment, py-rattler 0.28).

    Args:
        solution: What to install.
        prefix: Does not exist, or is empty.
        cache: Where packages come from.
        events: Told how far it is.
        bytecode: Told of each package that is cached, and linked.
        on_cached: Called in a thread with the place of each package that is cached.

    Raises:
        rattler's errors: see `failure`. The prefix is half made then.
    """
    await install(
        solution.records,
        prefix,
        package_cache=cache.package_cache(),
        platform=Subdir(solution.platform),
        installed_packages=[],
        execute_link_scripts=False,
        show_progress=False,
        # The binding wants the inner objects, whatever its signature says (shared experiment, py-rattler 0.28).
        requested_specs=[spec._match_spec for spec in solution.requested],  # noqa: SLF001
        reporter=cast(
            "InstallerReporter", _Reporter(solution, events, bytecode, on_cached)
        ),  # what it lacks, rattler leaves out
    )


class _Reporter:
    """What rattler tells, in its own threads; what is raised here is lost. Its numbers are places in the list."""

    def __init__(
        self, solution: Solution, events: Events, bytecode: Bytecode | None, on_cached: Callable[[int], None]
    ) -> None:
        self._names = [record.name.normalized for record in solution.records]
        self._sizes = [record.size or 0 for record in solution.records]
        self._total_bytes = sum(self._sizes)
        self._events = events
        self._bytecode = bytecode
        self._on_cached = on_cached
        self._lock = threading.Lock()
        self._fetched = self._fetched_bytes = self._linked = 0

    def on_populate_cache_start(self, operation: int, package_name: str) -> int:  # noqa: ARG002
        return operation

    def on_download_start(self, cache_entry: int) -> int:
        return cache_entry

    def on_populate_cache_complete(self, cache_entry: int) -> None:
        if self._bytecode:
            self._bytecode.note_cached(cache_entry)
        self._on_cached(cache_entry)
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
        if self._bytecode:
            self._bytecode.note_linked(index)
        with self._lock:
            self._linked += 1
            if self._fetched == len(self._names):
                self._events.report(Progress(Phase.LINK, self._names[index], self._linked, len(self._names)))

    def _report_fetch(self, number: int, more_bytes: int = 0) -> None:
        name, total = self._names[number], len(self._names)
        done_bytes = min(self._fetched_bytes + more_bytes, self._total_bytes)
        self._events.report(Progress(Phase.FETCH, name, self._fetched, total, done_bytes, self._total_bytes))
