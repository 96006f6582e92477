"""The root: what every name resolves to, and how history is steered with `ln -sfn` and `rm`.

Listed are the environments that have a current build, and published builds under their own names and as
`foo@<12 digits>`. A build in the making can be looked up, so that `rm` can cancel it, but is not listed and leads
nowhere: whoever follows it gets ENOENT, because its prefix is incomplete.

A symbolic link under any other name is taken when it leads to a published build: `ln -sfn` and os.replace make one
under a temporary name and rename it over the old (`passing`). The temporary name may say on whose behalf
(`names.BEHALF`).

`touch -h` of a build's link asks for that build to be made again (`renewal`).
"""

import errno
import itertools
import logging
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import replace

import trio

from condafs.catalog.events import Author
from condafs.catalog.records import BuildState, EnvironmentRecord
from condafs.errors import AmbiguousDigestError, ForbiddenError, InvalidNameError, NotFoundError
from condafs.journal import about
from condafs.names import DIGEST_PREFIX, SHORT_DIGEST_LENGTH, BuildName, EnvironmentName, behalf_of
from condafs.tree.exports import ExportsDirectory, is_export_name
from condafs.tree.links import BuildLink, EnvironmentLink, ReferenceLink, is_build_name
from condafs.tree.node import Attributes, Caller, Directory, File, Handle, Lifetimes, Link, Node, Ownership, refuse
from condafs.tree.passing import PassingLinks
from condafs.tree.places import Places
from condafs.tree.recent import Recent
from condafs.tree.renewal import Renewal
from condafs.tree.resolve import current_build, find_environment, find_unpublished, resolve, resolve_target
from condafs.tree.rights import Rights
from condafs.tree.sources import Catalog, Snapshot, Steering
from condafs.tree.specs.removals import Removals

logger = logging.getLogger(__name__)

MAX_LISTED_BUILDS = 20_000
"""Up to so many builds, all are listed; of more, only the current one of each environment. `ls` takes 7 us for each
entry (measured), and nobody reads 200,000 of them; `.history/foo` lists all builds of foo whatever their number."""

_NAME_AT = 65
"""Where the name begins in the name of a build."""


class Root(Directory):
    """`/envs` itself.

    Args:
        catalog, steering: The rest of the house.
        places: Where links lead.
        removals: Files that were removed a moment ago.
        ownership: Of this directory.
        rights: Of this mount.
        directories: The dot directories by name.
        passing: Links in passing, which are found here until an environment takes their name.
        exports: Has the exports, which are files of the root though nothing lists them here.
        settled: Waits until every file that was closed before now is submitted: who writes and then rolls back wants
            the roll-back to hold.
    """

    __slots__ = (
        "_catalog",
        "_directories",
        "_exports",
        "_ownership",
        "_passing",
        "_places",
        "_recent",
        "_removals",
        "_renewal",
        "_rights",
        "_settled",
        "_steering",
    )
    lifetimes = Lifetimes(attributes_seconds=60)

    def __init__(  # noqa: PLR0913, PLR0917 - the root joins everything
        self,
        catalog: Catalog,
        steering: Steering,
        places: Places,
        removals: Removals,
        ownership: Ownership,
        rights: Rights,
        directories: Mapping[str, Directory],
        passing: PassingLinks,
        exports: ExportsDirectory,
        *,
        settled: Callable[[], Awaitable[None]],
    ) -> None:
        self._catalog = catalog
        self._recent = Recent(catalog)
        self._steering = steering
        self._places = places
        self._removals = removals
        self._ownership = ownership
        self._rights = rights
        self._directories = directories
        self._exports = exports
        self._settled = settled
        self._passing = passing
        self._renewal = Renewal(catalog, steering, rights)

    @property
    def key(self) -> bytes:
        """The one root."""
        return b"root"

    def attributes(self) -> Attributes:
        """A directory in which the sticky bit says who may steer what."""
        return self._ownership.directory()

    async def child(self, name: str) -> Node | None:
        """A dot directory, an environment, a build, or a link in passing."""
        if directory := self._directories.get(name):
            return directory
        if passing := self._passing.find(name):
            return passing
        if is_export_name(name):
            await self._removals.decided()
            return await self._exports.child(name)
        node = self.listed(name)
        if isinstance(node, EnvironmentLink):
            await node.decided()
        return self._meant(node) if isinstance(node, ReferenceLink) else node

    def listed(self, name: str) -> Node | None:
        """The node that a name would have, by its form alone."""
        if directory := self._directories.get(name):
            return directory
        if passing := self._passing.find(name):
            return passing
        if is_build_name(name):
            return BuildLink(self._catalog, self._places.builds, name, self._renewal)
        if "@" in name:
            return ReferenceLink(self._catalog, name, self._renewal)
        try:
            return EnvironmentLink(self._recent, self._removals, EnvironmentName(name))
        except InvalidNameError:
            return None

    def _meant(self, link: ReferenceLink) -> ReferenceLink:
        """A reference with what it stands for now. One of as many digits as are listed stands for itself."""
        if _is_short(link.name):
            return link
        with self._catalog.snapshot() as snapshot:
            try:
                return replace(link, meant=str(resolve(snapshot, link.name)))
            except (NotFoundError, InvalidNameError, AmbiguousDigestError):
                return link

    def links_to(self, item: EnvironmentName | BuildName) -> Iterator[tuple[str, Link]]:
        """The links here, by name, that lead to one place for as long as this environment or build does."""
        names = [str(item)]
        if isinstance(item, BuildName):
            names.append(_short_reference(str(item)))
        for name in names:
            link = self.listed(name)
            if isinstance(link, Link):
                yield name, link

    async def names(self) -> Sequence[str]:
        """Everything that is listed; read in a thread, it may be a hundred thousand names."""
        await self._removals.decided()
        found = await trio.to_thread.run_sync(self._catalog_names)
        return [*self._directories, *found]

    def _catalog_names(self) -> list[str]:
        with self._catalog.snapshot() as snapshot:
            names = list(snapshot.visible_names())
            builds = list(itertools.islice(snapshot.ready_builds(), MAX_LISTED_BUILDS + 1))
            if len(builds) > MAX_LISTED_BUILDS:
                builds = [f"{record.shown}-{record.name}" for record in snapshot.environments() if record.shown]
        references = [_short_reference(build) for build in builds]
        return names + builds + references

    async def make_file(self, name: str, permissions: int, caller: Caller) -> File:
        """Nothing can be made here; specifications go into `.specs`."""
        del permissions, caller
        refuse(errno.EPERM, name)

    async def create(self, name: str, permissions: int, flags: int, caller: Caller) -> tuple[File, Handle]:
        """Likewise."""
        del permissions, flags, caller
        refuse(errno.EPERM, name)

    async def make_directory(self, name: str, permissions: int, caller: Caller) -> Directory:
        """Likewise."""
        del permissions, caller
        refuse(errno.EPERM, name)

    async def make_symlink(self, name: str, target: str, caller: Caller) -> Link:
        """Roll back when `name` is an environment; else a link in passing, the first half of `ln -sfn`."""
        await self._settled()
        with self._catalog.snapshot() as snapshot:
            build = resolve_target(snapshot, target, self._places.roots)
            environment = find_environment(snapshot, name)
        if environment is not None:
            await self._roll_back(environment, build, Author(caller.uid))
            return EnvironmentLink(self._recent, self._removals, environment.name)
        if not behalf_of(name) and (
            name in self._directories or is_build_name(name) or "@" in name or is_export_name(name)
        ):
            refuse(errno.EPERM, name)
        return self._passing.make(name, target, build, caller)

    async def rename(
        self, name: str, to: Directory, new_name: str, caller: Caller, *, may_replace: bool = True
    ) -> None:
        """Roll back, when a link in passing is renamed over an environment. Nothing else moves here."""
        passing = self._passing.find(name)
        if passing is None or to is not self or not self._rights.may_act_for(caller.uid, passing.uid):
            refuse(errno.EPERM, name)
        await self._settled()
        with self._catalog.snapshot() as snapshot:
            build = resolve(snapshot, str(passing.build))  # it may have gone meanwhile
            environment = find_environment(snapshot, new_name)
            exists = environment is not None and current_build(snapshot, environment.name) is not None
        if environment is None:
            msg = f"{new_name} is no environment: only the name of one can be pointed at a build"
            raise ForbiddenError(msg)
        if exists and not may_replace:
            refuse(errno.EEXIST, new_name)
        await self._roll_back(environment, build, Author(caller.uid, behalf_of(name)))
        self._passing.drop(name)

    async def unlink(self, name: str, caller: Caller) -> None:
        """Delete a published build, cancel one in the making, forget one that failed, drop a link in passing."""
        if passing := self._passing.find(name):
            if not self._rights.may_act_for(caller.uid, passing.uid):
                refuse(errno.EPERM, name)
            self._passing.drop(name)
            return
        if name in self._directories:
            refuse(errno.EISDIR, name)
        if is_export_name(name):
            msg = f"{name} is computed from its build: nothing is there that could be removed"
            raise ForbiddenError(msg)
        if not is_build_name(name) and "@" not in name:
            msg = f"{name} cannot be removed here; remove its file in .specs to retire it"
            raise ForbiddenError(msg)
        await self._settled()
        with self._catalog.snapshot() as snapshot:
            build = _find_removable(snapshot, name)
        logger.info("%s: to be deleted, says uid %d", build, caller.uid, extra=about(build))
        await self._steering.delete_build(build, Author(caller.uid))

    def meaning(self, name: str) -> str:
        """Which build it is, and whether it is cancelled, for that would be forgotten next."""
        if not is_build_name(name) and "@" not in name:
            return ""
        with self._catalog.snapshot() as snapshot:
            try:
                build = _find_removable(snapshot, name)
            except (NotFoundError, InvalidNameError, AmbiguousDigestError):
                return ""
            record = snapshot.build(build.digest)
        return f"{build}, cancelled" if record and record.state is BuildState.CANCELLED else str(build)

    async def remove_directory(self, name: str) -> None:
        """The dot directories stay."""
        refuse(errno.EPERM if name in self._directories else errno.ENOTDIR, name)

    async def _roll_back(self, environment: EnvironmentRecord, build: BuildName, author: Author) -> None:
        # The kernel's sticky bit protects a name that exists; one that leads nowhere yet has no link to protect.
        if not self._rights.may_act_for(author.uid, environment.owner_uid):
            refuse(errno.EPERM, environment.name.text)
        if build.name != environment.name:
            msg = f"{environment.name} cannot point at {build}: that is a build of {build.name}"
            raise ForbiddenError(msg)
        await self._steering.roll_back(environment.name, build.digest, author)


def _find_removable(snapshot: Snapshot, name: str) -> BuildName:
    try:
        return resolve(snapshot, name)
    except NotFoundError:
        record = find_unpublished(snapshot, name)
        if record is None:
            raise
        return record.build


def _short_reference(build: str) -> str:
    """`foo@3f2a9c1d77e0`, as listed beside that build."""
    return f"{build[_NAME_AT:]}@{build[:SHORT_DIGEST_LENGTH]}"


def _is_short(reference: str) -> bool:
    digits = reference.partition("@")[2]
    return len(digits) == SHORT_DIGEST_LENGTH and DIGEST_PREFIX.fullmatch(digits) is not None
