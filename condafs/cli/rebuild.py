"""`doctor --rebuild-catalog`: a new catalog from what is on the disk."""

import os
from dataclasses import asdict
from pathlib import Path

from condafs.cli.terminal import output, print_json, remarks
from condafs.config import Settings
from condafs.errors import ForbiddenError, NotFoundError
from condafs.scheduler.rebuild import Rebuilt, rebuild_catalog, why_rebuild
from condafs.tree.specs.owner import read_owner

_NOT_KNOWN = """\
Lost with the old one: the journal (condafs history --events), builds that failed or were cancelled and why, who asked
for each build, pins. Pin again what is to be kept: for garbage collection, old builds are unneeded from now on, and go
after gc-keep-days. Names belong to whom the logs tell of, else to the owner of the file that describes them; so do
their builds. Generations keep their numbers, and roll-backs hold, where the logs tell of them. Specifications that are
not built are taken up at the next start.
"""


def rebuild(settings: Settings, *, is_forced: bool, is_json: bool) -> int:
    """Make the catalog anew, when something is wrong with it.

    Raises:
        CatalogError: The daemon runs; or the catalog is of a newer version.
        NotFoundError: There is no such state directory.
        ForbiddenError: It is somebody else's.
    """
    if not settings.state.is_dir():
        msg = f"there is no state directory {settings.state}: name it with --state"
        raise NotFoundError(msg)
    _become_owner(settings.state)
    reason = why_rebuild(settings)
    if not reason and not is_forced:
        message = f"the catalog {settings.catalog} is whole and knows all builds: nothing was done"
        print_json({"rebuilt": False, "reason": ""}) if is_json else output().print(message)
        return 0
    rebuilt = rebuild_catalog(settings, lambda path: read_owner(str(path), path.lstat()).uid)
    if is_json:
        print_json({"rebuilt": True, "reason": reason, **asdict(rebuilt)})
    else:
        _tell(settings.catalog, reason, rebuilt)
    return 0


def _become_owner(state: Path) -> None:
    """Root acts as the daemon's user: what is made here is the daemon's, and what is read may be anything."""
    owner = state.stat()
    if owner.st_uid == os.geteuid():
        return
    if os.geteuid() != 0:
        msg = f"{state} belongs to another user (uid {owner.st_uid}): let its owner, or root, rebuild the catalog"
        raise ForbiddenError(msg)
    os.setgroups([])
    os.setgid(owner.st_gid)
    os.setuid(owner.st_uid)


def _tell(catalog: Path, reason: str, rebuilt: Rebuilt) -> None:
    if reason:
        output().print(reason)
    environments = "1 environment" if rebuilt.environments == 1 else f"{rebuilt.environments} environments"
    builds = "1 build" if rebuilt.builds == 1 else f"{rebuilt.builds} builds"
    output().print(f"{catalog} is new: {builds} of {environments}")
    if rebuilt.contested:
        output().print(
            f"{', '.join(rebuilt.contested)}: files of several users describe this, and no log tells whose it is. It "
            "is retired and keeps its builds: remove the wrong files from .specs, then rebuild once more (--force)"
        )
    if rebuilt.aside:
        output().print(f"the old one is kept: {rebuilt.aside}")
    remarks().print(f"\n{_NOT_KNOWN}\nStart the daemon again, and condafs serve, if it runs: it has the old one open.")
