"""`foo.tar`, `foo@3f2a.oci` and so on: files of the root that are computed while they are read, listed in `.exports`.

They are not listed in the root: `du`, `grep -r` or `rsync` over it must not read gigabytes that do not exist. An export
is told by the build it is of, so whoever has one open reads on when the name has moved.
"""

import itertools
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

import trio

from condafs.errors import AmbiguousDigestError, InvalidNameError, NotFoundError
from condafs.export.exports import Description, Export, Format
from condafs.names import RESERVED_SUFFIXES, SHORT_DIGEST_LENGTH, BuildName
from condafs.tree.node import Attributes, Directory, File, Handle, Lifetimes, Ownership
from condafs.tree.resolve import resolve
from condafs.tree.sources import Catalog, ExportSource

_NANOSECONDS = 10**9
_LISTED = Attributes(stat.S_IFREG | 0o444)

MAX_LISTED_BUILDS = 10_000
"""Of more builds, only what has a name of its own is listed."""


class ExportHandle(Handle):
    """An export being read; its build stays for as long."""

    __slots__ = ("_build", "_export", "_exports")
    is_immutable = True

    def __init__(self, exports: ExportSource, build: BuildName, export: Export) -> None:
        self._exports = exports
        self._build = build
        self._export = export

    async def read(self, offset: int, size: int) -> memoryview:
        """Computed."""
        return await self._export.read(offset, size)

    async def release(self) -> None:
        """The build may go now."""
        self._exports.release(self._build)


@dataclass(frozen=True, slots=True)
class ExportFile(File):
    """An export. Its content never changes: another build's is another file."""

    exports: ExportSource
    found: Description
    finished: float
    lifetimes: ClassVar[Lifetimes] = Lifetimes(attributes_seconds=60)

    @property
    def key(self) -> bytes:
        """The build, and in what form."""
        return f"export:{self.found.build}:{self.found.identity}".encode()

    def attributes(self) -> Attributes:
        """Exact in size; no disk is taken. As old as the build."""
        when = int(self.finished * _NANOSECONDS)
        return Attributes(
            stat.S_IFREG | 0o444, size_bytes=self.found.size_bytes, mtime_ns=when, ctime_ns=when, atime_ns=when
        )

    async def open_to_read(self) -> ExportHandle:
        """Open it."""
        build = self.found.build
        self.exports.hold(build)  # before anything is awaited: its files must not go meanwhile
        try:
            return ExportHandle(self.exports, build, await self.exports.open(self.found))
        except BaseException:
            self.exports.release(build)
            raise


@dataclass(frozen=True, slots=True)
class ListedExport(File):
    """A name in the listing: what stands behind it is found out when somebody asks."""

    name: str

    @property
    def key(self) -> bytes:
        """The name."""
        return b"export-name:" + self.name.encode(errors="surrogateescape")

    def listed_attributes(self) -> Attributes:
        """A file."""
        return _LISTED


def is_export_name(name: str) -> bool:
    """Whether a name is one that exports have, and nothing else can have."""
    return name.endswith(RESERVED_SUFFIXES)


class ExportsDirectory(Directory):
    """`.exports`: the listing of every export; the root finds its exports here.

    Args:
        catalog: Knows builds.
        exports: Opens exports.
        ownership: Of the directory.
    """

    __slots__ = ("_catalog", "_exports", "_ownership")

    def __init__(self, catalog: Catalog, exports: ExportSource, ownership: Ownership) -> None:
        self._catalog = catalog
        self._exports = exports
        self._ownership = ownership

    @property
    def key(self) -> bytes:
        """The one directory."""
        return b"exports"

    def attributes(self) -> Attributes:
        """Readable by all."""
        return self._ownership.directory()

    async def child(self, name: str) -> ExportFile | None:
        """The export of that name: what stands before `.tar` or `.oci` is resolved as in the root."""
        stem, _, suffix = name.rpartition(".")
        if not is_export_name(name):
            return None
        with self._catalog.snapshot() as snapshot:
            try:
                build = resolve(snapshot, stem)
            except (NotFoundError, InvalidNameError, AmbiguousDigestError):
                return None
        return await self.recall(build, Format(suffix))

    async def recall(self, build: BuildName, kind: Format) -> ExportFile:
        """The export of a build."""
        with self._catalog.snapshot() as snapshot:
            record = snapshot.build(build.digest)
        found = await self._exports.find(build, kind)
        return ExportFile(self._exports, found, record.finished if record else 0)

    def listed(self, name: str) -> ListedExport:
        """The name alone."""
        return ListedExport(name)

    async def names(self) -> Sequence[str]:
        """Of each environment and of each build, in both forms."""
        stems = await trio.to_thread.run_sync(self._stems)
        return [f"{stem}{suffix}" for stem in stems for suffix in RESERVED_SUFFIXES]

    def _stems(self) -> list[str]:
        with self._catalog.snapshot() as snapshot:
            builds = [
                BuildName.parse(text) for text in itertools.islice(snapshot.ready_builds(), MAX_LISTED_BUILDS + 1)
            ]
            references = [f"{build.name}@{build.digest.hex[:SHORT_DIGEST_LENGTH]}" for build in builds]
            return [*snapshot.visible_names(), *(references if len(builds) <= MAX_LISTED_BUILDS else ())]
