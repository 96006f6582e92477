"""The links of the root and of `.history`: each asks the catalog anew at every readlink.

Adapters may remember where a link leads. So either a link leads to one place for as long as it has its `key`, or the
tree tells them when it leads elsewhere (`Tree.watch_links`): then it has a lifetime.
"""

import errno
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from condafs.catalog.records import EnvironmentRecord
from condafs.errors import AmbiguousDigestError, InvalidNameError, NotFoundError
from condafs.names import BUILD, BuildName, EnvironmentName
from condafs.tree.node import Attributes, Changes, Handle, Lifetimes, Link, refuse
from condafs.tree.recent import Recent
from condafs.tree.renewal import Renewal
from condafs.tree.resolve import find_unpublished, resolve, resolve_generation
from condafs.tree.sources import Catalog, Snapshot
from condafs.tree.specs.removals import Removals

_NANOSECONDS = 10**9
_LISTED = Attributes(stat.S_IFLNK | 0o777)
_BUILD_BYTES = 65
"""64 digits and a dash, before the name."""

is_build_name = BUILD.fullmatch


def link_attributes(size_bytes: int, uid: int = 0, moment: float = 0, gid: int = 0) -> Attributes:
    """Attributes of a symbolic link whose target has that many bytes."""
    when = int(moment * _NANOSECONDS)
    return Attributes(
        stat.S_IFLNK | 0o777, uid, gid, size_bytes=size_bytes, mtime_ns=when, ctime_ns=when, atime_ns=when
    )


@dataclass(frozen=True, slots=True)
class EnvironmentLink(Link):
    """`foo`: the current build. Its inode never changes, only what readlink answers, which is told then."""

    recent: Recent
    removals: Removals
    name: EnvironmentName
    # A minute, after which its owner is looked at again; where it leads is told at once.
    lifetimes: ClassVar[Lifetimes] = Lifetimes(name_seconds=60, attributes_seconds=1)

    @property
    def key(self) -> bytes:
        """The name."""
        return b"env:" + self.name.text.encode()

    async def target(self) -> str:
        """`<digest>-foo`."""
        return f"{self._record().shown}-{self.name.text}"

    def attributes(self) -> Attributes:
        """Owned by who wrote the specification."""
        record = self._record()
        return link_attributes(_BUILD_BYTES + len(self.name.text.encode()), record.owner_uid, record.moved)

    def listed_attributes(self) -> Attributes:
        """A link."""
        return _LISTED

    async def decided(self) -> None:
        """Wait until it is known whether the name stays, when its file was removed a moment ago."""
        if self.removals and (record := self.recent.environment(self.name)) and record.file_name:
            await self.removals.decided(only=record.file_name)

    def _record(self) -> EnvironmentRecord:
        """The environment, when it has a build.

        While it is undecided whether the name stays, ESTALE makes the kernel look it up anew, which waits. Waiting here
        would be a deadlock: whoever decides makes the kernel forget this link, which waits for this answer.
        """
        record = self.recent.environment(self.name)
        if record is None or not record.shown:
            refuse(errno.ENOENT, self.name.text)
        if self.removals and record.file_name in self.removals:
            refuse(errno.ESTALE, self.name.text)
        return record


@dataclass(frozen=True, slots=True)
class BuildLink(Link):
    """`<digest>-foo`: the sealed prefix on the native disk."""

    catalog: Catalog
    builds: Path
    name: str
    renewal: Renewal
    lifetimes: ClassVar[Lifetimes] = Lifetimes(name_seconds=60, attributes_seconds=1)

    @property
    def key(self) -> bytes:
        """The build's name."""
        return b"build:" + self.name.encode(errors="surrogateescape")

    async def target(self) -> str:
        """The prefix; none while it is being made."""
        with self.catalog.snapshot() as snapshot:
            if not snapshot.is_ready(self.name):
                refuse(errno.ENOENT, self.name)
        return f"{self.builds}/{self.name}"

    def attributes(self) -> Attributes:
        """Owned by who asked for it; there for builds in the making and for those that failed, too."""
        with self.catalog.snapshot() as snapshot:
            size_bytes = len(str(self.builds)) + 1 + len(self.name.encode(errors="surrogateescape"))
            return _attributes_of_build(snapshot, self.name, size_bytes)

    async def change(self, changes: Changes, handle: Handle | None = None) -> None:
        """A new time asks for the build to be made again."""
        del handle
        await self.renewal.ask(self.name, changes)

    def listed_attributes(self) -> Attributes:
        """A link."""
        return _LISTED


@dataclass(frozen=True, slots=True)
class ReferenceLink(Link):
    """`foo@3f2a` or `foo@-1`.

    Attributes:
        name: The reference as it was written.
        meant: The build that it stands for, where that is more than the reference says.
    """

    catalog: Catalog
    name: str
    renewal: Renewal
    meant: str = ""

    @property
    def key(self) -> bytes:
        """What was written, and what it means: `foo@-1` is another link once foo has moved."""
        return f"at:{self.name}:{self.meant}".encode(errors="surrogateescape")

    async def target(self) -> str:
        """`<digest>-foo`."""
        with self.catalog.snapshot() as snapshot:
            return str(_resolve_or_vanish(snapshot, self.name))

    def attributes(self) -> Attributes:
        """As those of the build."""
        with self.catalog.snapshot() as snapshot:
            size_bytes = _BUILD_BYTES + len(self.name.partition("@")[0].encode(errors="surrogateescape"))
            return _attributes_of_build(snapshot, self.name, size_bytes)

    async def change(self, changes: Changes, handle: Handle | None = None) -> None:
        """As that of the build."""
        del handle
        await self.renewal.ask(self.name, changes)

    def listed_attributes(self) -> Attributes:
        """A link."""
        return _LISTED


@dataclass(frozen=True, slots=True)
class GenerationLink(Link):
    """`.history/foo/3-3f2a9c1d77e0`."""

    catalog: Catalog
    environment: EnvironmentName
    name: str

    @property
    def key(self) -> bytes:
        """Environment and link."""
        return f"generation:{self.environment}/{self.name}".encode(errors="surrogateescape")

    async def target(self) -> str:
        """`../../<digest>-foo`."""
        with self.catalog.snapshot() as snapshot:
            return f"../../{self._build(snapshot)}"

    def attributes(self) -> Attributes:
        """As those of the build."""
        with self.catalog.snapshot() as snapshot:
            return _attributes_of_build(
                snapshot, str(self._build(snapshot)), 6 + _BUILD_BYTES + len(self.environment.text.encode())
            )

    def listed_attributes(self) -> Attributes:
        """A link."""
        return _LISTED

    def _build(self, snapshot: Snapshot) -> BuildName:
        try:
            return BuildName(resolve_generation(snapshot, self.environment, self.name), self.environment)
        except NotFoundError:
            refuse(errno.ENOENT, self.name)


def _resolve_or_vanish(snapshot: Snapshot, text: str) -> BuildName:
    try:
        return resolve(snapshot, text)
    except (NotFoundError, InvalidNameError, AmbiguousDigestError):
        refuse(errno.ENOENT, text)


def _attributes_of_build(snapshot: Snapshot, text: str, size_bytes: int) -> Attributes:
    try:
        record = snapshot.build(resolve(snapshot, text).digest)
    except (InvalidNameError, AmbiguousDigestError):
        record = None
    except NotFoundError:
        record = find_unpublished(snapshot, text)
    if record is None:
        refuse(errno.ENOENT, text)
    return link_attributes(size_bytes, record.owner_uid, record.finished)
