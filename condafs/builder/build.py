"""One build, from the request to the outcome: solve, fetch and link, post-link, pip, bytecode, seal."""

import asyncio
from collections.abc import Mapping
from pathlib import Path

from rattler.exceptions import InstallerError

from condafs.builder.archives import verify_archives
from condafs.builder.bytecode import Bytecode
from condafs.builder.bytecode_in_place import compile_in_place, contested_modules, modules_without_bytecode
from condafs.builder.cache import Cache
from condafs.builder.cage.keeper import Keeper
from condafs.builder.cage.level import Reached
from condafs.builder.channels import find_channels
from condafs.builder.events import Events
from condafs.builder.failure import BuildError
from condafs.builder.install import Follower, install_packages, package_without_file
from condafs.builder.interpreter import Interpreter, find_interpreter
from condafs.builder.locked import read_locked
from condafs.builder.pip import Distribution, install_requirements
from condafs.builder.postlink import run_post_link_scripts
from condafs.builder.protocol import BuildRequest, FailureKind, Phase, Progress, Succeeded
from condafs.builder.room import require_room
from condafs.builder.sealing import Made, seal_made
from condafs.builder.solve import Solution, archive_of, requested_specs, solve_specification
from condafs.builder.sound_packages import LinkedPackages
from condafs.builder.transcript import Transcript
from condafs.builder.workplace import Workplace
from condafs.errors import SpecificationError
from condafs.names import MAX_PREFIX_BYTES, BuildName
from condafs.prefix.disk import Disk
from condafs.prefix.early_records import EarlyRecords
from condafs.prefix.records import Stamp, record_stamps
from condafs.prefix.sums import Provenance
from condafs.prefix.walk import protect_shared_files
from condafs.spec.canonical import from_canonical
from condafs.spec.parse import parse
from condafs.spec.specification import LockedPackage, Specification

_AT_WORK = {
    Phase.PIP: ("pip", FailureKind.PIP),
    Phase.BYTECODE: ("the python of this environment, which compiled modules,", FailureKind.PACKAGE),
}
"""Whose programs run in a phase, and what it is when they do what they must not."""


class Build:
    """One build.

    Args:
        request: What to build, and where.
        events: Told how far it is.
        transcript: The log.
        keeper: Starts what packages bring.
        reached: The cage that it is started in.
    """

    def __init__(
        self, request: BuildRequest, events: Events, transcript: Transcript, keeper: Keeper, reached: Reached
    ) -> None:
        self._request = request
        self._events = events
        self._transcript = transcript
        self._build = BuildName.parse(request.build)
        self._specification: Specification = from_canonical(request.specification.encode())
        self._prefix = Path(request.prefix)
        self._cache = Cache(Path(request.packages))
        self._workplace = Workplace(self._prefix, self._cache, keeper, reached, is_shared=request.is_shared)

    async def run(self) -> Succeeded:
        """Make the environment.

        Raises:
            BuildError, OSError, rattler's errors: see `failure`.
        """
        with Disk(self._prefix.parent) as disk:
            with self._workplace:
                made = await self._make(disk)
            return seal_made(self._request, made, disk, self._events)

    async def _make(self, disk: Disk) -> Made:
        """All that comes before sealing."""
        solution = await self._solve()
        interpreter = find_interpreter(solution.records)
        bytecode = self._start_bytecode(solution, interpreter)
        fresh = await self._verify(solution)
        records = EarlyRecords(self._prefix)
        files = [f"{archive_of(record).distribution}.json" for record in solution.records]

        def note_linked(number: int) -> None:
            records.read_soon(files[number])

        linked = LinkedPackages(solution.records, self._cache)
        await self._install(solution, fresh, Follower(bytecode, linked.note_cached, note_linked))
        await asyncio.to_thread(linked.require_sound)  # before anything of it is changed, or seen by its programs
        if fresh:
            self._settle(disk)
        installed = record_stamps(self._prefix)
        has_scripts = bool(
            run_post_link_scripts(solution.records, self._prefix, self._workplace, self._events, self._transcript)
        )
        if has_scripts:
            self._require_intact(installed)
        distributions = self._run_pip()
        if self._specification.pip:
            self._require_intact(installed)
        compiled = self._finish_bytecode(interpreter, bytecode)
        self._require_intact(installed)  # its python ran, or what calls itself so
        disk.sync_soon()
        provenance = self._provenance(bytecode, compiled, has_scripts=has_scripts)
        return Made(
            self._build,
            solution,
            distributions,
            records,
            provenance,
            variables=dict(self._specification.variables),
            sandbox=str(self._workplace.reached.level),
        )

    async def _solve(self) -> Solution:
        self._events.enter(Phase.SOLVE)
        gateway = self._cache.gateway()
        specification = self._specification
        packages = specification.packages or self._packages_of_lock()
        if packages:
            count = 0

            def report(file_name: str) -> None:
                nonlocal count
                count += 1
                self._events.report(Progress(Phase.SOLVE, file_name, count, len(packages)))

            records = await read_locked(packages, self._cache, gateway, report)
            channels = find_channels(sorted({record.channel or "" for record in records}), self._request.channel_alias)
            # Of a build that is made again it is still known what was asked for.
            requested = [] if specification.packages else requested_specs(specification)
            solution = Solution(records, channels, requested, specification.platform)
        else:
            solution = await solve_specification(
                specification,
                gateway,
                default_channels=self._request.default_channels,
                channel_alias=self._request.channel_alias,
            )
        self._cache.close_repodata()
        self._transcript.note(f"solve: {len(solution.records)} packages")
        for record in sorted(solution.records, key=lambda record: record.name.normalized):
            self._transcript.note(f"  {record.name.normalized} {record.version} {record.build}  {record.url}")
        return solution

    def _packages_of_lock(self) -> tuple[LockedPackage, ...]:
        """What the build that is made again consisted of; nothing where that is not known, or cannot be fetched."""
        if not self._request.lock:
            return ()
        try:
            locked = parse(self._request.lock.encode(), "build.lock", self._specification.platform, MAX_PREFIX_BYTES)
        except SpecificationError as error:
            self._transcript.note(f"the lock of the build before cannot be used, it is solved anew: {error}")
            return ()
        self._transcript.note("made again, from the packages that it consisted of")
        return locked.packages if locked else ()

    def _start_bytecode(self, solution: Solution, interpreter: Interpreter | None) -> Bytecode | None:
        packages = {number: record for number, record in enumerate(solution.records) if record.noarch.python}
        if interpreter is None or not interpreter.has_unchecked_bytecode:
            return None
        return Bytecode(interpreter, packages, self._prefix, self._cache, self._workplace, self._transcript)

    async def _verify(self, solution: Solution) -> set[int]:
        """Let nothing into the cache that is not what the channel says, and nothing else pass for it.

        Returns:
            Places of the packages that are not in the cache.

        Raises:
            BuildError: DISK_FULL, when there is no room for them; CHECKSUM or PACKAGE.
        """
        self._events.enter(Phase.FETCH)
        archives = [archive_of(record) for record in solution.records]
        fresh = [number for number, archive in enumerate(archives) if not self._cache.holds(archive)]
        require_room([archives[number] for number in fresh], archives, self._cache.root, self._prefix.parent)
        verified = await asyncio.to_thread(verify_archives, [archives[number] for number in fresh])
        for number, archive in zip(fresh, verified, strict=True):
            if archive.sha256:
                solution.records[number].sha256 = archive.sha256
                self._cache.evict_unsummed(archive)
        if count := sum(1 for archive in verified if archive.path):
            self._transcript.note(f"fetch: sums of {count} local archives verified")
        return set(fresh)

    async def _install(self, solution: Solution, fresh: set[int], follower: Follower) -> None:
        """Fetch and link. The first try takes the package cache for whole, which saves looking at each file of it.

        Raises:
            BuildError: CACHE, when it is not; what has lost files is thrown away.
        """
        is_checked = self._request.attempt > 1
        try:
            await install_packages(solution, self._prefix, self._cache, self._events, follower, is_checked=is_checked)
        except InstallerError as error:
            distribution = package_without_file(error)
            archives = {number: archive_of(record) for number, record in enumerate(solution.records)}
            lost = [a for number, a in archives.items() if a.distribution == distribution and number not in fresh]
            if not lost:
                raise
            self._cache.evict(lost[0])
            msg = f"the package cache has lost files of {distribution}, which is fetched anew at the next try"
            raise BuildError(FailureKind.CACHE, msg) from error

    def _settle(self, disk: Disk) -> None:
        """Seal what came from archives and let it be on its way to the disk, while modules are still being compiled.

        In this order: each inode is written once.
        """
        protect_shared_files(self._prefix)
        disk.sync_soon()

    def _require_intact(self, installed: Mapping[str, Stamp]) -> None:
        """Other people's programs have run: what is recorded of packages is as it was. Sealing believes it.

        Raises:
            BuildError: POST_LINK, PIP or PACKAGE, whichever ran.
        """
        now = record_stamps(self._prefix)
        if now == installed:
            return
        who, kind = _AT_WORK.get(self._events.phase or Phase.LINK, ("a post-link script", FailureKind.POST_LINK))
        if not installed.keys() <= now.keys():
            raise BuildError(kind, f"{who} removed or moved the environment that is being made")
        names = ", ".join(sorted(name for name in now if now[name] != installed.get(name)))
        raise BuildError(kind, f"{who} changed the records of packages in conda-meta: {names}")

    def _run_pip(self) -> list[Distribution]:
        if not self._specification.pip:
            return []
        self._events.enter(Phase.PIP)
        protect_shared_files(self._prefix)
        return install_requirements(
            self._specification.pip,
            self._prefix,
            self._workplace,
            dict(self._specification.variables),
            self._transcript,
        )

    def _finish_bytecode(self, interpreter: Interpreter | None, bytecode: Bytecode | None) -> list[str]:
        """Returns the bytecode that was made in place, relative to the prefix."""
        if interpreter is None or bytecode is None:
            return []
        self._events.enter(Phase.BYTECODE)
        modules = bytecode.finish() + contested_modules(self._prefix, interpreter.site_packages)
        if self._specification.pip:
            modules += modules_without_bytecode(self._prefix / interpreter.site_packages)
        return compile_in_place(interpreter, self._prefix, sorted(set(modules)), self._workplace, self._transcript)

    def _provenance(self, bytecode: Bytecode | None, compiled: list[str], *, has_scripts: bool) -> Provenance:
        """Where files are from that no package lists."""
        linked = bytecode.sums if bytecode else {}
        return Provenance(
            told={path: digest for path, digest in linked.items() if digest},
            untold=[path for path, digest in linked.items() if not digest],
            rewritten=compiled,
            has_foreign=has_scripts or bool(self._specification.pip),
        )
