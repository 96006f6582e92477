"""`touch -h /envs/<build>`: a published build is made again in its place, because it is damaged.

Touching asks for another try, as it does with a specification. Who may is looked at here: the kernel lets everybody set
the time of a link to now, whose mode says nothing.
"""

import errno
from dataclasses import dataclass

from condafs.catalog.events import Author
from condafs.errors import AmbiguousDigestError, InvalidNameError, NotFoundError
from condafs.names import BUILD, BuildName
from condafs.tree.node import Changes, refuse
from condafs.tree.resolve import resolve
from condafs.tree.rights import Rights
from condafs.tree.sources import Catalog, Steering


@dataclass(frozen=True, slots=True)
class Renewal:
    """Who takes such wishes, from those who may act for the owner of a build."""

    catalog: Catalog
    steering: Steering
    rights: Rights

    async def ask(self, text: str, changes: Changes) -> None:
        """A link that stands for a build was changed.

        Raises:
            OSError: EPERM, when that was more than its time, or is not the caller's to ask.
        """
        others = (changes.permissions, changes.uid, changes.gid, changes.size_bytes)
        if changes.mtime_ns is None or any(value is not None for value in others) or changes.caller is None:
            refuse(errno.EPERM, text)
        uid = changes.caller.uid
        with self.catalog.snapshot() as snapshot:
            try:
                build = BuildName.parse(text) if BUILD.fullmatch(text) else resolve(snapshot, text)
            except (NotFoundError, InvalidNameError, AmbiguousDigestError):
                refuse(errno.ENOENT, text)
            record = snapshot.build(build.digest)
        if record is None:
            refuse(errno.ENOENT, text)
        if not self.rights.may_act_for(uid, record.owner_uid):
            refuse(errno.EPERM, text)
        await self.steering.renew(build, Author(uid))
