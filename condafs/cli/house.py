"""The mount with what is behind it: settings and catalog, for commands that read more than the mount shows."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from condafs.catalog.store import Catalog
from condafs.client.envs import Envs
from condafs.client.mountpoint import find_mount
from condafs.config import Settings, load_settings
from condafs.errors import MachineError, NotFoundError, UserError
from condafs.names import BUILD
from condafs.wording import user_text

StateOption = Annotated[
    Path | None, Parameter(name="--state", help="State directory of the mount's daemon, when the mount does not show.")
]
ConfigOption = Annotated[Path | None, Parameter(name="--config", help="Settings file of the mount's daemon.")]


@dataclass(frozen=True, slots=True)
class House:
    """A mount, and what its daemon was started with."""

    envs: Envs
    settings: Settings
    catalog: Catalog


@contextmanager
def open_house(mount: Path | None, state: Path | None, config: Path | None) -> Iterator[House]:
    """The catalog behind a mount, to be read.

    Raises:
        MachineError: This user may not read it.
        NotFoundError: There is none: it is another state directory.
        UserError: The mount is of another one.
    """
    envs = Envs(find_mount(mount))
    settings = load_settings(config, state)
    settings = replace(settings, state=_state_of(envs, settings.state, is_chosen=state is not None))
    if not settings.catalog.exists():
        msg = f"there is no catalog in {settings.state}: name the state directory of {envs.mount} with --state"
        raise NotFoundError(msg)
    if not os.access(settings.catalog, os.R_OK | os.X_OK) or not os.access(settings.catalog / "lock.mdb", os.W_OK):
        raise _not_for_you(settings.state, settings.catalog)
    with Catalog.open_read_only(settings.catalog) as catalog:
        yield House(envs, settings, catalog)


def _state_of(envs: Envs, known: Path, *, is_chosen: bool) -> Path:
    """The state directory of a mount: the one that settings know, or the user's own that the mount shows.

    Whoever mounts something decides where its links lead: nobody is sent to other people's directories by that.
    """
    behind = _state_behind(envs)
    if behind is None or behind == known or (behind.exists() and known.exists() and behind.samefile(known)):
        return known
    if not is_chosen and behind.exists():
        if behind.stat().st_uid == os.geteuid():
            return behind
        if os.geteuid():
            raise _not_for_you(behind, behind)
    msg = f"{envs.mount} shows builds in {behind}, not in {known}: name the right one with --state"
    raise UserError(msg)


def _not_for_you(state: Path, place: Path) -> MachineError:
    owner = user_text(str(place.stat().st_uid))
    return MachineError(f"you may not read the catalog in {state}: run this as root, or as {owner}, whose mount it is")


def _state_behind(envs: Envs) -> Path | None:
    """Where the links of a mount lead: any build will do. None while there is none."""
    with os.scandir(envs.mount) as listing:
        for entry in listing:
            if BUILD.fullmatch(entry.name):
                return Path(os.readlink(entry.path)).parent.parent  # noqa: PTH115 - a text
    return None
