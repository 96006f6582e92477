"""Package lists of builds. A build never changes, so what was read once is remembered."""

from collections import OrderedDict
from collections.abc import Sequence

from condafs.client.envs import Envs
from condafs.errors import NotFoundError
from condafs.names import BuildName
from condafs.prefix.contents import InstalledPackage, read_packages
from condafs.web.mount import Mount

PATIENCE_SECONDS = 5
"""The mount says where the prefix is; the list itself is a file of the disk."""

REMEMBERED = 512
"""Builds; a list of 400 packages takes about 150 kB."""


class PackageLists:
    """Reads and remembers them.

    Args:
        mount: Leads to the prefixes.
    """

    def __init__(self, mount: Mount) -> None:
        self._mount = mount
        self._known: OrderedDict[BuildName, Sequence[InstalledPackage]] = OrderedDict()

    async def of(self, build: BuildName) -> Sequence[InstalledPackage]:
        """The packages of a published build, by name.

        Raises:
            NotFoundError: It is not published (any more).
        """
        found = self._known.get(build)
        if found is None:
            found = await self._mount.ask(_read, build, patience_seconds=PATIENCE_SECONDS)
            self._known[build] = found
            if len(self._known) > REMEMBERED:
                self._known.popitem(last=False)
        else:
            self._known.move_to_end(build)
        return found

    async def find(self, build: BuildName) -> Sequence[InstalledPackage]:
        """As `of`; none when it is not published any more, for who looks into many and misses one."""
        try:
            return await self.of(build)
        except NotFoundError:
            return ()

    def known(self, build: BuildName) -> Sequence[InstalledPackage] | None:
        """What is remembered of it."""
        return self._known.get(build)


def _read(envs: Envs, build: BuildName) -> Sequence[InstalledPackage]:
    try:
        return read_packages((envs.mount / str(build)).resolve(strict=True))
    except FileNotFoundError:
        msg = f"the build {build} is not there (any more): only published builds have packages"
        raise NotFoundError(msg) from None
