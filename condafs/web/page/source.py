"""The text of a specification: as it was written where everybody may read that, else as it was understood.

Credentials in it are stars. Who edits such a text has to write them again; it is refused otherwise (`require_whole`),
because stars would be taken for them.
"""

from dataclasses import dataclass

from condafs.catalog.reader import Snapshot
from condafs.catalog.records import EnvironmentRecord
from condafs.client.envs import Envs
from condafs.errors import CondafsError, Position, SpecificationError
from condafs.spec.canonical import from_canonical
from condafs.spec.credentials import MASK, is_masked, mask_credentials
from condafs.web.api.shapes import yaml_of
from condafs.web.house import House

MAX_BYTES = 1 << 20
"""As much as a specification can have."""

_OTHERS_READ = 0o004

PATIENCE_SECONDS = 2


@dataclass(frozen=True, slots=True)
class Source:
    """A text.

    Attributes:
        file_name: Where it stands, or could.
        is_written: Whether somebody wrote it so; else it was made from what was understood.
    """

    text: str
    file_name: str
    is_written: bool


async def source_of(house: House, record: EnvironmentRecord, *, with_refused: bool = False) -> Source:
    """The specification that an environment wants.

    Args:
        house: Of the pages.
        record: Of the environment.
        with_refused: Whether a text that is refused is meant, when it is the last one: to be corrected.
    """
    with house.catalog.snapshot() as snapshot:
        understood = _understood(snapshot, record)
        file = snapshot.file(record.file_name) if record.file_name else None
    # A roll-back wants what an earlier text said.
    if file is None or (file.digest != record.wanted and not (with_refused and file.refusal)):
        return understood
    try:
        text = await house.mount.ask(_read, record.file_name, patience_seconds=PATIENCE_SECONDS)
    except CondafsError:
        text = None
    return Source(text, record.file_name, is_written=True) if text is not None else understood


async def refused_text(house: House, file_name: str) -> str | None:
    """A file of `.specs` that is refused; None when none of that name is, or it is not for everybody."""
    with house.catalog.snapshot() as snapshot:
        file = snapshot.file(file_name)
    if file is None or not file.refusal:
        return None
    return await house.mount.ask(_read, file.file_name, patience_seconds=PATIENCE_SECONDS)


def _understood(snapshot: Snapshot, record: EnvironmentRecord) -> Source:
    canonical = snapshot.specification(record.wanted)
    if canonical is None:
        return Source("", f"{record.name}.yaml", is_written=False)
    specification = from_canonical(canonical)
    suffix = "txt" if specification.packages else "yaml"
    return Source(yaml_of(specification), f"{record.name}.{suffix}", is_written=False)


def _read(envs: Envs, file_name: str) -> str | None:
    """The file; None when it is gone, or not for everybody: the server may read more than its visitors."""
    path = envs.specs / file_name
    try:
        if not path.stat().st_mode & _OTHERS_READ:
            return None
        with path.open("rb") as file:
            text = file.read(MAX_BYTES).decode("utf-8", "replace")
    except (FileNotFoundError, PermissionError):
        return None
    return "".join(mask_credentials(line) for line in text.splitlines(keepends=True))


def require_whole(text: str) -> None:
    """Refuse stars where credentials stood.

    Raises:
        SpecificationError: There are some; says where.
    """
    for number, line in enumerate(text.splitlines(), 1):
        if is_masked(line):
            place = Position(number, line.index(MASK) + 1, line)
            msg = f"{MASK} stands where a user, a password or a token was"
            raise SpecificationError(msg, place, "write it again: pages show stars for it")
