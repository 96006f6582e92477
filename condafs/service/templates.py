"""From templates to the files of one machine.

Format of a template: the file itself, in which `@name@` stands for a field of `Values`.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from importlib.resources import files
from pathlib import Path

from condafs.errors import UserError

SYSTEM_UNITS = (
    "condafs.service",
    "condafs-cleanup.service",
    "condafs-build.socket",
    "condafs-build@.service",
    "condafs-build.slice",
    "condafs-http.service",
    "condafs-gc.service",
    "condafs-gc.timer",
    "condafs-gc.path",
)

USER_UNITS = {
    "condafs.service": "condafs-user.service",
    "condafs-watch.service": "condafs-watch-user.service",
}
"""Unit of a user -> template."""

SYSTEM_DIRECTORY = Path("/etc/systemd/system")
USERS_FILE = Path("/etc/sysusers.d/condafs.conf")
DIRECTORIES_FILE = Path("/etc/tmpfiles.d/condafs.conf")
SETTINGS_FILE = Path("/etc/condafs.yaml")

_PLACEHOLDER = re.compile(r"@([a-z]+)@")
_PLAIN = re.compile(r"[A-Za-z0-9/._+:,=-]+")


@dataclass(frozen=True, slots=True)
class Values:
    """What differs from machine to machine.

    Attributes:
        mountpoint: Where environments are served.
        state: State directory.
        config: Settings file.
        condafs: Command that is condafs, with blanks between its words.
        python: The interpreter that condafs is installed for.
    """

    mountpoint: Path
    state: Path
    config: Path
    condafs: str
    python: Path

    def __post_init__(self) -> None:
        """Nothing that a unit would have to quote.

        Raises:
            UserError: There is.
        """
        for path in (self.mountpoint, self.state, self.config, self.python):
            if not _PLAIN.fullmatch(str(path)):
                msg = f"{path} cannot stand in a unit of systemd: choose a path of letters, digits and / . _ + : , = -"
                raise UserError(msg)


def render(template: str, values: Values | None = None) -> str:
    """The text of a file for a machine; as it is, without values."""
    text = files("condafs.service").joinpath("units", template).read_text(encoding="utf-8")
    known: Mapping[str, object] = asdict(values) if values else {}
    return _PLACEHOLDER.sub(lambda match: str(known[match[1]]), text) if values else text


def system_files(values: Values) -> dict[Path, str]:
    """What a service for the whole machine consists of, but for the settings file."""
    found = {SYSTEM_DIRECTORY / unit: render(unit, values) for unit in SYSTEM_UNITS}
    found[USERS_FILE] = render("sysusers.conf", values)
    found[DIRECTORIES_FILE] = render("tmpfiles.conf", values)
    return found


def user_directory(configuration: Path) -> Path:
    """Where a user's own units are; `configuration` is `$XDG_CONFIG_HOME`, usually `~/.config`."""
    return configuration / "systemd" / "user"


def user_files(values: Values, configuration: Path) -> dict[Path, str]:
    """What a user's own service consists of: the daemon, and who mirrors files, who is not started by that."""
    directory = user_directory(configuration)
    return {directory / unit: render(template, values) for unit, template in USER_UNITS.items()}
