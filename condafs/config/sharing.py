"""Who may write in a mount that other users see: permission bits and group of `.specs`, `.logs` and the root.

By default the members of one group may (3775, `condafs`), and the sticky bit keeps them from each other's files. With
`specs-mode: 1777` everybody may, and no group is needed. A mount that only its own user sees needs no group either.

Where nobody has chosen a group and there is none called `condafs`, nobody but root and the daemon's user may write
until there is one. The mount comes up all the same: what people run from it must not depend on a group. A group that
the settings name and that does not exist stops the start, as every other mistake in the settings does.
"""

import grp
from dataclasses import dataclass

from condafs.config.settings import Settings
from condafs.errors import MachineError

DEFAULT_GROUP = "condafs"

MEMBERS = 0o3775
"""Set-group-ID hands the group of `.specs` on to its files, sticky keeps members from removing each other's."""

EVERYBODY = 0o1777

NOBODY = 0o755

_OTHERS_WRITE = 0o002


@dataclass(frozen=True, slots=True)
class Sharing:
    """Permission bits and group of the directories that are written to.

    Attributes:
        gid: None is the daemon's own group.
        problem: Why nobody may write, and what to do about it; "" when all is as it was wished.
    """

    permissions: int
    gid: int | None = None
    problem: str = ""


def find_sharing(settings: Settings) -> Sharing:
    """What the settings say, on this machine.

    Raises:
        MachineError: The group that they name does not exist.
    """
    mode, name = settings.specs_mode, settings.specs_group
    if mode is None:
        mode = MEMBERS if settings.is_shared else EVERYBODY
    if not settings.is_shared or (name is None and mode & _OTHERS_WRITE):
        return Sharing(mode)
    gid = _find_group(name or DEFAULT_GROUP)
    if gid is not None:
        return Sharing(mode, gid)
    if name:
        msg = f"there is no group {name} (setting specs-group): groupadd --system {name}, or specs-mode: 1777"
        raise MachineError(msg)
    problem = (
        f"there is no group {DEFAULT_GROUP}, whose members may make environments, so only root may. As root: "
        f"groupadd --system {DEFAULT_GROUP}; usermod --append --groups {DEFAULT_GROUP} ann; and start the mount again. "
        "Or let everybody, with the setting specs-mode: 1777"
    )
    return Sharing(NOBODY, problem=problem)


def _find_group(name: str) -> int | None:
    try:
        return grp.getgrnam(name).gr_gid
    except KeyError:
        return None
