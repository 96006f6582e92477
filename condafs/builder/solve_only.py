"""`python -m condafs.builder.solve_only`: one request from standard input, one answer to standard output (`solved`).

No code of a package runs here, but solving takes memory and time, and rattler may crash: hence a process of its own,
and archives that dependencies name by URL are extracted: hence it changes nothing but its cache (the outer ring).
Standard error is the asker's; only defects of rattler and of this house say something there.

Ends by os._exit like the builder, and for its reason.
"""

import asyncio
import gc
import os
import threading
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn
from urllib.parse import unquote

from rattler.repo_data import RepoDataRecord

from condafs.builder.archives import Archive
from condafs.builder.cache import Cache
from condafs.builder.cage.rings import close_outer_ring
from condafs.builder.failure import classify, classify_panic
from condafs.builder.leftovers import join_builders
from condafs.builder.limits import die_with_daemon, limit_memory
from condafs.builder.locked import refuse_two_of_a_name
from condafs.builder.panics import watch_standard_error
from condafs.builder.protocol import FailureKind
from condafs.builder.solve import solve_specification
from condafs.builder.solved import SolvedPackage, SolveRequest, encode_failure, encode_packages
from condafs.builder.transcript import Transcript
from condafs.spec.archive import FILE_NAME
from condafs.spec.canonical import from_canonical
from condafs.spec.credentials import mask_credentials
from condafs.spec.platforms import SUBDIRS
from condafs.spec.specification import LockedPackage, Specification

NICE = 5
"""Who asked answers others meanwhile, and builds come first."""


def main() -> None:
    """Solve, and never return."""
    gc.disable()  # see the builder
    asker, answers = os.dup(0), os.dup(1)
    request = SolveRequest.decode(_read_line(asker))
    turn = threading.Lock()

    def end(answer: bytes) -> NoReturn:
        with turn:  # never released: the first answer is the only one
            _write(answers, answer)
            os._exit(0)

    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    transcript = Transcript(os.dup(2))
    try:
        specification = from_canonical(request.specification.encode())
        if not specification.packages:
            _confine(Path(request.cache))  # before there are threads
    except Exception as error:  # noqa: BLE001 - every end needs an answer
        end(_explain(error, transcript))
    die_with_daemon(asker)
    os.nice(NICE)
    watch_standard_error(transcript, lambda text: end(_failure(*classify_panic(text))))
    os.dup2(2, 1)
    limit_memory(request.memory_bytes)
    end(_answer(request, specification, transcript))


def _confine(cache: Path) -> None:
    """Change nothing but the cache from now on."""
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)  # repodata of channels that not everybody may see
    os.environ["TMPDIR"] = str(cache)
    close_outer_ring([cache])


def _answer(request: SolveRequest, specification: Specification, transcript: Transcript) -> bytes:
    try:
        if specification.packages:
            return encode_packages(list_locked(specification.packages))
        return encode_packages(asyncio.run(_solve(request, specification)))
    except BaseException as error:  # noqa: BLE001 - rattler's panics are no Exceptions; every end needs an answer
        return _explain(error, transcript)


def _explain(error: BaseException, transcript: Transcript) -> bytes:
    kind, message = classify(error)
    if kind is FailureKind.INTERNAL:
        transcript.note("".join(traceback.format_exception(error)))
    return _failure(kind, message)


def _failure(kind: FailureKind, message: str) -> bytes:
    return encode_failure(kind, mask_credentials(message))


async def _solve(request: SolveRequest, specification: Specification) -> list[SolvedPackage]:
    cache = Cache(Path(request.cache))
    join_builders(cache.root)
    try:
        solution = await solve_specification(
            specification,
            cache.gateway(),
            default_channels=request.default_channels,
            channel_alias=request.channel_alias,
        )
    finally:
        cache.close_repodata()
    return sorted(map(_describe, solution.records), key=lambda package: package.name)


def _describe(record: RepoDataRecord) -> SolvedPackage:
    noarch = record.noarch
    return SolvedPackage(
        name=record.name.normalized,
        version=str(record.version),
        build=str(record.build),
        build_number=record.build_number,
        channel=mask_credentials(record.channel or ""),
        subdir=record.subdir,
        url=mask_credentials(record.url),
        sha256=record.sha256.hex() if record.sha256 else "",
        md5=record.md5.hex() if record.md5 else "",
        size_bytes=record.size or 0,
        license=record.license or "",
        noarch="python" if noarch.python else "generic" if noarch.generic else "",
        depends=tuple(record.depends),
    )


def list_locked(packages: Sequence[LockedPackage]) -> list[SolvedPackage]:
    """What a lock or an explicit list names, as far as URLs and sums tell; nothing is fetched.

    Raises:
        BuildError: BAD_SPEC, when two are of one name.
    """
    refuse_two_of_a_name([Archive(package.url) for package in packages])
    return sorted(map(_describe_locked, packages), key=lambda package: package.name)


def _describe_locked(package: LockedPackage) -> SolvedPackage:
    place, _, file_name = package.url.rpartition("/")
    channel, _, subdir = place.rpartition("/")
    match = FILE_NAME.fullmatch(unquote(file_name))
    assert match  # noqa: S101 - no other URL gets into a specification
    if subdir not in SUBDIRS:
        channel, subdir = place, ""
    return SolvedPackage(
        name=match[1].lower(),
        version=match[2],
        build=match[3],
        channel=mask_credentials(f"{channel}/"),
        subdir=subdir,
        url=mask_credentials(package.url),
        sha256=package.sha256,
        md5=package.md5,
    )


def _read_line(fd: int) -> bytes:
    line = bytearray()
    while not line.endswith(b"\n"):
        chunk = os.read(fd, 1 << 16)
        if not chunk:
            os._exit(0)  # nobody asks any more
        line += chunk
    return bytes(line)


def _write(fd: int, data: bytes) -> None:
    while data:
        data = data[os.write(fd, data) :]


if __name__ == "__main__":
    main()
