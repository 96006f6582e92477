"""`.pins`: a symbolic link for each build that somebody wants kept, which garbage collection leaves alone.

Nor does `rm` take it, but for the owner of the environment where others pinned it.
`ln -s ../foo@-1 /envs/.pins/paper-2026` pins, `rm` unpins, `ls -l` shows who keeps what since when. What the target
means is looked up when the link is made; from then on it leads to that build, whatever happens to the name.
"""

import errno
import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from pathlib import PurePath

from condafs.catalog.events import Author
from condafs.catalog.records import PinRecord
from condafs.names import BuildName
from condafs.tree.links import link_attributes
from condafs.tree.node import Attributes, Caller, Directory, Link, Ownership, refuse
from condafs.tree.places import Places
from condafs.tree.resolve import resolve_target
from condafs.tree.sources import Catalog, Steering

LABEL = re.compile(r"\w[\w.+@-]{0,127}", re.ASCII)
"""`foo@3f2a9c1d77e0`, `paper-2026`, and the temporary names of `ln -sfn`; no shell needs quotes for one."""

MAX_PINS = 1000
"""Of one user, root apart: nobody's pins may fill everybody's disk by the thousand."""


@dataclass(frozen=True, slots=True)
class PinLink(Link):
    """`.pins/paper-2026`."""

    catalog: Catalog
    label: str

    @property
    def key(self) -> bytes:
        """The label."""
        return b"pin:" + self.label.encode(errors="surrogateescape")

    async def target(self) -> str:
        """`../<digest>-foo`."""
        return self._found()[1]

    def attributes(self) -> Attributes:
        """Owned by who made it, and as old."""
        record, target = self._found()
        return link_attributes(len(target.encode()), record.owner_uid, record.made, record.owner_gid)

    def _found(self) -> tuple[PinRecord, str]:
        with self.catalog.snapshot() as snapshot:
            record = snapshot.pin(self.label)
            build = snapshot.build(record.digest) if record else None
        if record is None or build is None:
            refuse(errno.ENOENT, self.label)
        return record, f"../{build.build}"


class PinsDirectory(Directory):
    """`.pins`.

    Args:
        catalog, steering: The rest of the house.
        places: Where absolute targets lead.
        ownership: Of the directory; its sticky bit keeps pins from all but their owners and root.
        settled: Waits until every file that was closed before now is submitted.
    """

    __slots__ = ("_catalog", "_ownership", "_places", "_settled", "_steering")

    def __init__(
        self,
        catalog: Catalog,
        steering: Steering,
        places: Places,
        ownership: Ownership,
        settled: Callable[[], Awaitable[None]],
    ) -> None:
        self._catalog = catalog
        self._steering = steering
        self._places = places
        self._ownership = ownership
        self._settled = settled

    @property
    def key(self) -> bytes:
        """The one directory."""
        return b"pins"

    def attributes(self) -> Attributes:
        """Who may write to `.specs` may pin."""
        return self._ownership.directory()

    async def child(self, name: str) -> PinLink:
        """The pin of that label."""
        return self.listed(name)

    def listed(self, name: str) -> PinLink:
        """The link, whether or not it is there."""
        return PinLink(self._catalog, name)

    async def names(self) -> Sequence[str]:
        """All labels."""
        with self._catalog.snapshot() as snapshot:
            return [pin.label for pin in snapshot.pins()]

    def meaning(self, name: str) -> str:
        """Whether there is such a pin: another is refused."""
        with self._catalog.snapshot() as snapshot:
            return "pinned" if snapshot.pin(name) else ""

    async def make_symlink(self, name: str, target: str, caller: Caller) -> Link:
        """Pin what the target means now."""
        await self._settled()
        _require_label(name)
        build = self._meant(target)
        self._require_room(caller)
        await self._steering.pin(name, build, caller.gid, Author(caller.uid))
        return self.listed(name)

    async def unlink(self, name: str, caller: Caller) -> None:
        """Unpin."""
        await self._steering.unpin(name, Author(caller.uid))

    async def rename(
        self, name: str, to: Directory, new_name: str, caller: Caller, *, may_replace: bool = True
    ) -> None:
        """Another label: mv(1), and the second half of `ln -sfn`."""
        if to is not self:
            refuse(errno.EPERM, name)
        _require_label(new_name)
        with self._catalog.snapshot() as snapshot:
            if snapshot.pin(new_name) and not may_replace:
                refuse(errno.EEXIST, new_name)
        await self._steering.rename_pin(name, new_name, Author(caller.uid))

    def _meant(self, target: str) -> BuildName:
        """`../foo` as seen from here; `foo` alone, which leads nowhere from here, can mean nothing else."""
        inner = PurePath(target)
        if inner.parts[:1] == ("..",):
            inner = inner.relative_to("..")
        with self._catalog.snapshot() as snapshot:
            return resolve_target(snapshot, str(inner), self._places.roots)

    def _require_room(self, caller: Caller) -> None:
        with self._catalog.snapshot() as snapshot:
            count = sum(pin.owner_uid == caller.uid for pin in snapshot.pins())
        if caller.uid and count >= MAX_PINS:
            refuse(errno.EDQUOT)


def _require_label(name: str) -> None:
    if not LABEL.fullmatch(name):
        refuse(errno.EINVAL, name)
