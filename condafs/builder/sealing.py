"""The last phase of a build: what the environment remembers of its making is written, it is sealed, and marked so."""

import time
from dataclasses import dataclass
from pathlib import Path

from condafs.builder.events import Events
from condafs.builder.pip import Distribution
from condafs.builder.protocol import BuildRequest, Phase, Succeeded
from condafs.builder.records_on_disk import hide_credentials, write_history, write_lock
from condafs.builder.solve import Solution
from condafs.names import BuildName
from condafs.prefix.activation import write_activation
from condafs.prefix.disk import Disk
from condafs.prefix.early_records import EarlyRecords
from condafs.prefix.marker import write_marker
from condafs.prefix.reserved import clear_reserved
from condafs.prefix.seal import seal, vouch
from condafs.prefix.sound import require_own_directories
from condafs.prefix.sums import Provenance
from condafs.spec.credentials import mask_credentials


@dataclass(frozen=True, slots=True)
class Made:
    """An environment that is complete, as far as sealing has to know it.

    Attributes:
        build: Its name.
        solution, distributions: What conda and pip installed.
        records: Of the packages, as they are read.
        provenance: Where its files are from.
        variables: For whoever activates it.
        sandbox: The level of the cage that it was made in.
    """

    build: BuildName
    solution: Solution
    distributions: list[Distribution]
    records: EarlyRecords
    provenance: Provenance
    variables: dict[str, str]
    sandbox: str


def seal_made(request: BuildRequest, made: Made, disk: Disk, events: Events) -> Succeeded:
    """Seal an environment; its marker, written when all else is on the disk, says that it is whole.

    Raises:
        UnsoundPrefixError: Packages made something of it that cannot be sealed.
        OSError: It cannot be written.
    """
    events.enter(Phase.SEAL)
    prefix = Path(request.prefix)
    require_own_directories(prefix)
    finished = time.time()
    lock_sha256 = _write_memories(prefix, made, finished)
    sealed = seal(prefix, made.records)
    prefix.chmod(0o555)  # it was its maker's alone, while something in it might have had set-id bits
    disk.sync_soon()
    sums_sha256 = vouch(prefix, sealed, made.provenance)  # while the disk is busy
    disk.sync()
    write_marker(
        prefix,
        made.build,
        mask_credentials(request.specification),
        lock_sha256=lock_sha256,
        finished=finished,
        sums_sha256=sums_sha256,
        sandbox=made.sandbox,
    )
    events.finish_phase()
    return Succeeded(
        size_bytes=sealed.inventory.size_bytes,
        own_bytes=sealed.inventory.own_bytes,
        package_count=len(made.solution.records) + len(made.distributions),
        file_count=sealed.inventory.file_count,
        lock_sha256=lock_sha256,
        seconds=events.seconds,
        sandbox=made.sandbox,
    )


def _write_memories(prefix: Path, made: Made, finished: float) -> str:
    """Scripts that activate it, its lock and its history; nothing that looks like condafs's own.

    Returns:
        SHA-256 of the lock, in hex.
    """
    (prefix / "conda-meta").mkdir(parents=True, exist_ok=True)
    (prefix / "CACHEDIR.TAG").unlink(missing_ok=True)
    clear_reserved(prefix)
    write_activation(prefix, made.build.name, made.variables)
    lock_sha256 = write_lock(prefix, made.solution, made.distributions)
    write_history(prefix, made.solution, str(made.build), finished)
    hide_credentials(prefix, made.solution)
    return lock_sha256
