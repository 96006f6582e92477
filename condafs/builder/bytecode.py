"""Bytecode for an environment, made while it is still being fetched and linked.

rattler compiles nothing, and a sealed environment cannot compile for itself later. As soon as python and a noarch
package are in the cache, the package is compiled there, unless that was done for another environment before; as soon
as the package is linked too, its bytecode is linked beside it.

For other environments there is only what a python made by itself that is known by its archive's sum: where it takes
the libraries of this environment to run, they have had a hand in it, and it is made for this environment alone.

Concurrency: one thread does everything, told what happened by a queue of calls; compilers are processes.
"""

import functools
import queue
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from rattler.repo_data import RepoDataRecord

from condafs.builder.bytecode_cache import Draft, entry_name, key_of, link_entry, read_tag, write_tag
from condafs.builder.cache import Cache
from condafs.builder.compilers import Compiled, CompilerError, Compilers
from condafs.builder.interpreter import Interpreter
from condafs.builder.solve import archive_of
from condafs.builder.transcript import Transcript
from condafs.builder.workplace import Workplace
from condafs.prefix.removal import remove_tree


@dataclass(slots=True)
class _Package:
    """A noarch package on its way; `remaining` files are still being compiled for `draft`."""

    distribution: str
    key: str
    is_cached: bool = False
    is_linked: bool = False
    draft: Draft | None = None
    remaining: int = 0
    failed: list[str] = field(default_factory=list)

    @property
    def has_sum(self) -> bool:
        return self.key != self.distribution


class Bytecode:
    """The bytecode of one environment's noarch packages.

    Args:
        interpreter: The environment's.
        packages: Its noarch python packages, by their place among all packages.
        prefix: The environment.
        cache: Has packages and bytecode.
        workplace: Where compilers run.
        transcript: Told what does not compile.

    Attributes:
        sums: Path -> SHA-256 of what was linked, "" where the cache does not know it; complete when it has finished.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - it stands between these
        self,
        interpreter: Interpreter,
        packages: Mapping[int, RepoDataRecord],
        prefix: Path,
        cache: Cache,
        workplace: Workplace,
        transcript: Transcript,
    ) -> None:
        self._interpreter = interpreter
        self._prefix = prefix
        self._cache = cache
        self._workplace = workplace
        self._transcript = transcript
        self._pending: dict[int, _Package] = {}
        for number, record in packages.items():
            distribution = archive_of(record).distribution
            self._pending[number] = _Package(distribution, key_of(distribution, record.sha256))
        self._tag = read_tag(cache.bytecode, interpreter.key)
        self._compilers: Compilers | None = None
        self._is_python_cached = self._is_installed = self._is_helped = False
        self._in_place: list[str] = []
        self.sums: dict[str, str] = {}
        self._news: queue.SimpleQueue[Callable[[], None]] = queue.SimpleQueue()
        self._thread = ThreadPoolExecutor(1, "bytecode")
        self._end: Future[None] = self._thread.submit(self._follow)

    def note_cached(self, number: int) -> None:
        """The package of that place is in the cache."""
        self._news.put(functools.partial(self._on_cached, number))

    def note_linked(self, number: int) -> None:
        """The package of that place is in the environment."""
        self._news.put(functools.partial(self._on_linked, number))

    def finish(self) -> list[str]:
        """Everything is installed; wait until all bytecode is linked.

        Returns:
            Modules, relative to site-packages, that have to be compiled in place.

        Raises:
            OSError: no room, for one.
        """
        self._news.put(self._on_installed)
        self._end.result()
        return self._in_place

    def _follow(self) -> None:
        while not (self._is_installed and not self._pending):
            self._news.get()()
        if self._compilers:
            self._compilers.end()

    def _on_cached(self, number: int) -> None:
        if number == self._interpreter.number:
            self._is_python_cached = True
            for package in list(self._pending.values()):
                self._advance(package)
        elif found := self._pending.get(number):
            found.is_cached = True
            self._advance(found)

    def _on_linked(self, number: int) -> None:
        if package := self._pending.get(number):
            package.is_linked = True
            self._advance(package)

    def _on_installed(self) -> None:
        self._is_installed = self._is_python_cached = True
        for package in list(self._pending.values()):
            package.is_cached = package.is_linked = True
            self._advance(package)

    def _advance(self, package: _Package) -> None:
        """Do what can be done for a package by now: compile, link."""
        if not package.is_cached or package.draft:
            return
        entry = self._entry(package)
        if entry is None or not entry.is_dir():
            self._compile(package)
        elif package.is_linked:
            self._link(package, entry)

    def _entry(self, package: _Package) -> Path | None:
        if not self._tag:
            return None
        shared = entry_name(self._tag, self._interpreter.distribution, self._interpreter.key)
        if shared and package.has_sum and not self._is_helped:
            return self._cache.bytecode / package.key / shared
        return self._workplace.own_bytecode / package.key / self._tag

    def _link(self, package: _Package, entry: Path) -> None:
        assert self._tag  # noqa: S101 - the entry has it in its name
        tag = self._tag.rpartition("-")[0]
        linked = link_entry(entry, self._prefix, self._interpreter.site_packages, tag)
        self._in_place += linked.in_place
        self.sums |= linked.sums
        if entry.is_relative_to(self._workplace.own_bytecode):
            remove_tree(entry)  # the environment's links are the only ones then
        self._forget(package)

    def _forget(self, package: _Package) -> None:
        self._pending = {number: other for number, other in self._pending.items() if other is not package}

    def _compile(self, package: _Package) -> None:
        compilers = self._start_compilers()
        if compilers is None:
            if self._is_installed:
                self._forget(package)
            return
        entry = self._entry(package)
        assert entry  # noqa: S101 - compilers know their tag
        if entry.is_dir():
            self._advance(package)
            return
        where = self._workplace.bytecode, self._workplace.compiled_bytecode
        package.draft = Draft(self._cache.directory_of(package.distribution), entry, *where)
        sources = package.draft.sources()
        package.remaining = len(sources)
        compilers.compile(sources, lambda done: self._news.put(functools.partial(self._on_compiled, package, done)))
        if not sources:
            self._publish(package)

    def _on_compiled(self, package: _Package, done: Compiled) -> None:
        if done.error:
            raise done.error
        package.remaining -= done.count
        for path, why in done.failed:
            package.failed.append(path)
            self._transcript.note(f"bytecode: {path} does not compile, {why}")
        if not package.remaining:
            self._publish(package)

    def _publish(self, package: _Package) -> None:
        assert package.draft  # noqa: S101
        package.draft.publish(package.failed)
        package.draft = None
        self._advance(package)

    def _start_compilers(self) -> Compilers | None:
        """Of the python in the cache; where that does not run without its libraries, of the environment's later."""
        if self._compilers or not self._is_python_cached:
            return self._compilers
        package = self._cache.directory_of(self._interpreter.distribution)
        for home in (package, *([self._prefix] if self._is_installed else [])):
            try:
                python = home / self._interpreter.executable
                self._compilers = Compilers(python, self._workplace.keeper, self._workplace.view_of_compilers())
            except CompilerError as error:
                self._transcript.note(f"bytecode: {error}")
                continue
            self._tag = f"{self._compilers.tag}-{self._compilers.magic}"
            self._is_helped = home == self._prefix
            write_tag(self._cache.bytecode, self._interpreter.key, self._tag)
            break
        return self._compilers
