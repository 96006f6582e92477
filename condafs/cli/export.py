"""`export`: the virtual `.tar` or `.oci` of the mount, copied to where it is wanted."""

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, BinaryIO, Literal, Protocol

from cyclopts import Parameter
from rich.progress import BarColumn, DownloadColumn, Progress, TimeRemainingColumn, TransferSpeedColumn

from condafs.cli.parameters import JsonOption, MountOption, ReferenceArgument
from condafs.cli.terminal import print_json, remarks
from condafs.client.envs import Envs
from condafs.client.mountpoint import find_mount
from condafs.errors import ForbiddenError, MachineError, UserError
from condafs.wording import seconds_text, size_text

_AT_ONCE = 1 << 20
_STANDARD_OUTPUT = "-"


class _Compressor(Protocol):
    def compress(self, data: bytes, /) -> bytes: ...
    def flush(self) -> bytes: ...


def export(  # noqa: PLR0913 - its options
    reference: ReferenceArgument,
    /,
    *,
    format: Annotated[Literal["tar", "oci"], Parameter(name=["--format", "-f"])] = "tar",  # noqa: A002 - the option
    output: Annotated[Path | None, Parameter(name=["--output", "-o"], allow_leading_hyphen=True)] = None,
    zstd: bool = False,
    force: bool = False,
    json: JsonOption = False,
    mount: MountOption = None,
) -> None:
    """Write an environment as one file: a tarball that works anywhere, or a container image.

    The same bytes as foo.tar and foo.oci of the mount, with a bar. A tarball is unpacked anywhere, and made to work
    there by its own bin/conda-unpack. An image is loaded by podman load, docker load or skopeo copy.

    Args:
        reference: foo, foo@-1, foo@3f2a9c1d77e0, or the full name of a build.
        format: tar or oci.
        output: The file, `-` for standard output. Left out: standard output when it is no terminal, else foo.tar here.
        zstd: Compress it on the way, and call it foo.tar.zst.
        force: Write over a file that is there.
        json: JSON for programs.
        mount: The mount that is meant.
    """
    envs = Envs(find_mount(mount))
    build = envs.prefix(reference).name  # says why when there is none
    source = envs.mount / f"{build}.{format}"
    compress = _compressor() if zstd else None
    name = reference.rpartition("/")[2]
    target = output or Path(_STANDARD_OUTPUT if not sys.stdout.isatty() else f"{name}.{format}{'.zst' * zstd}")
    started = time.monotonic()
    with source.open("rb", buffering=0) as file:
        size = os.fstat(file.fileno()).st_size
        if str(target) == _STANDARD_OUTPUT:
            if json:
                msg = "--json and the export itself cannot both go to standard output: name a file with --output"
                raise UserError(msg)
            if sys.stdout.isatty():
                msg = "an export is no text for a terminal: name a file with --output, or read this through a pipe"
                raise UserError(msg)
            written = _copy(file, sys.stdout.buffer, size, compress)
        else:
            with _replacing(target, is_forced=force) as fresh:
                written = _copy(file, fresh, size, compress)
    if json:
        print_json({"build": build, "format": format, "file": str(target), "size_bytes": size, "written": written})
    elif str(target) != _STANDARD_OUTPUT:
        rate = size_text(int(size / max(time.monotonic() - started, 0.001)))
        remarks().print(f"{target}: {size_text(written)} in {seconds_text(time.monotonic() - started)} ({rate}/s)")


def _copy(source: BinaryIO, target: BinaryIO, size: int, compress: _Compressor | None) -> int:
    """Copy all, with a bar on standard error; returns how many bytes were written."""
    written = 0
    with _bar(size) as advance:
        while part := source.read(_AT_ONCE):
            packed = compress.compress(part) if compress else part
            target.write(packed)
            written += len(packed)
            advance(len(part))
        if compress:
            packed = compress.flush()
            target.write(packed)
            written += len(packed)
    target.flush()
    return written


@contextmanager
def _bar(size: int) -> Iterator[Callable[[int], None]]:
    console = remarks()
    columns = (BarColumn(), DownloadColumn(), TransferSpeedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task("", total=size)
        yield lambda count: progress.advance(task, count)


@contextmanager
def _replacing(target: Path, *, is_forced: bool) -> Iterator[BinaryIO]:
    """A new file beside the target, which takes its place when all went well."""
    if target.is_dir():
        msg = f"{target} is a directory: name the file in it"
        raise UserError(msg)
    if not is_forced and os.path.lexists(target):
        msg = f"{target} is there already: --force writes over it"
        raise ForbiddenError(msg)
    if target.exists() and not target.is_file():  # /dev/null, a named pipe
        with target.open("wb") as file:
            yield file
        return
    fresh = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        with fresh.open("xb") as file:
            yield file
        fresh.replace(target)
    finally:
        fresh.unlink(missing_ok=True)


def _compressor() -> _Compressor:
    """All cores at work; the standard library's since Python 3.14 (PEP 784), else its backport."""
    try:
        from compression import zstd  # type: ignore[import-not-found,unused-ignore]  # noqa: PLC0415
    except ImportError:
        try:
            from backports import zstd  # type: ignore[import-not-found,unused-ignore,no-redef]  # noqa: PLC0415
        except ImportError:
            msg = "--zstd needs a library that is not here: pip install 'condafs[zstd]', or pipe it through zstd(1)"
            raise MachineError(msg) from None
    workers = len(os.sched_getaffinity(0))
    compressor: _Compressor = zstd.ZstdCompressor(options={zstd.CompressionParameter.nb_workers: workers})
    return compressor
