"""Who may act for whom where modes cannot say it, and which modes files of `.specs` can have.

The kernel decides by the owners and modes that the mount shows. It lets the owner of a directory move other people's
files out of it and, on some machines, anybody link to them: neither makes such a file a specification. And on a mount
that others see, a specification can be written by its owner alone, whatever the umask is: where a group may make
environments, files belong to that group, so a umask of 002, which is the default of Fedora and its relatives, would let
all members write into each other's.
"""

import os
import stat
from dataclasses import dataclass, field, replace

from condafs.tree.specs.owner import Owner

_FILE_BITS = 0o777 & ~(stat.S_IWGRP | stat.S_IWOTH)
_DIRECTORY_BITS = _FILE_BITS | stat.S_ISGID | stat.S_ISVTX


@dataclass(frozen=True, slots=True)
class Rights:
    """What holds for one mount.

    Attributes:
        is_shared: Whether other users see it.
        daemon_uid: Who may do everything, as root may.
    """

    is_shared: bool = False
    daemon_uid: int = field(default_factory=os.geteuid)

    def may_act_for(self, uid: int, *owner_uids: int) -> bool:
        """Whether a user is one of the owners, or may do everything."""
        return uid in (0, self.daemon_uid, *owner_uids)

    def kept(self, owner: Owner, *, is_directory: bool = False) -> Owner:
        """Owner and mode as a file of `.specs` can have them: others cannot write, and it lends its owner's rights to
        nobody, while of directories the set-group-ID bit hands their group down.
        """  # noqa: D205 - one thought
        bits = _DIRECTORY_BITS if is_directory else _FILE_BITS
        return replace(owner, permissions=owner.permissions & bits) if self.is_shared else owner
