"""`/`: the environments, by name."""

from dataclasses import dataclass, replace
from typing import Annotated

import trio
from fastapi import APIRouter, Query
from starlette.responses import Response

from condafs.catalog.reader import Snapshot
from condafs.catalog.records import ACTIVE_STATES, BuildRecord, BuildState, EnvironmentRecord, FileRecord
from condafs.client.envs import Envs
from condafs.client.status import BuildInTheMaking
from condafs.errors import CondafsError
from condafs.web.house import House
from condafs.web.listing import EnvironmentFilter, Window, list_environments
from condafs.web.page.people import Person, person_of
from condafs.web.page.view import SHOWN, ViewOf

router = APIRouter(include_in_schema=False)

SIZE = 100
"""Environments on a page."""

PATIENCE_SECONDS = 1
"""The list is there without the mount, too; only how far builds are is not."""


@dataclass(frozen=True, slots=True)
class Row:
    """One environment.

    Attributes:
        current: What the name leads to, or led to before it was retired.
        wanted: What it is to lead to.
        asker: Who wanted that.
        progress: Of the build in the making, as far as known.
    """

    record: EnvironmentRecord
    current: BuildRecord | None
    wanted: BuildRecord | None
    asker: Person
    progress: BuildInTheMaking | None = None

    @property
    def name(self) -> str:
        """Of the environment."""
        return self.record.name.text

    @property
    def state(self) -> str:
        """In a word."""
        return state_of(self.record, self.wanted)

    @property
    def changed(self) -> float:
        """When its last build ended, began or was asked for."""
        last = self.wanted or self.current
        return (last.finished or last.started or last.submitted) if last else self.record.moved


@dataclass(frozen=True, slots=True)
class Listing:
    """One page of the list.

    Attributes:
        count: Environments on all pages.
        active: Builds that are queued or being made, of all environments.
    """

    rows: list[Row]
    count: int
    active: int
    refused: list[FileRecord]


def state_of(record: EnvironmentRecord, wanted: BuildRecord | None) -> str:
    """An environment's state in a word."""
    if record.is_retired:
        return "retired"
    if wanted is None:
        return "ready" if record.current else "none"
    return wanted.state.value


def _look(house: House, wanted: EnvironmentFilter, window: Window) -> Listing:
    with house.catalog.snapshot() as snapshot:
        house.pages.askers.follow(snapshot)
        found = list_environments(snapshot, wanted, window, house.names)
        states = snapshot.count_by_state()
        return Listing(
            [_row(house, snapshot, record, build) for record, build in found.items],
            found.count,
            states[BuildState.QUEUED] + states[BuildState.BUILDING],
            house.pages.askers.refusals(snapshot),
        )


def _row(house: House, snapshot: Snapshot, record: EnvironmentRecord, wanted: BuildRecord | None) -> Row:
    current = wanted if record.current == record.wanted else None
    if current is None and record.current:
        current = snapshot.build(record.current)
    asker = person_of(house.pages.askers.last(snapshot, record.name), record.owner_uid)
    return Row(record, current, wanted, asker)


async def _with_progress(house: House, rows: list[Row]) -> list[Row]:
    """The rows; those of builds in the making with what the mount says of them."""
    building = [row.name for row in rows if row.wanted and row.wanted.state in ACTIVE_STATES]
    if not building:
        return rows
    try:
        known = await house.mount.ask(_progress, building, patience_seconds=PATIENCE_SECONDS)
    except CondafsError:
        return rows
    return [replace(row, progress=known.get(row.name)) for row in rows]


def _progress(envs: Envs, names: list[str]) -> dict[str, BuildInTheMaking | None]:
    statuses = {name: envs.find_status(name) for name in names}
    return {name: status.building if status else None for name, status in statuses.items()}


@router.api_route("/", methods=SHOWN)
async def home(
    view: ViewOf,
    search: Annotated[str, Query(max_length=300)] = "",
    page: Annotated[int, Query(ge=1, le=1_000_000)] = 1,
    retired: Annotated[bool, Query()] = False,  # noqa: FBT002 - of the URL
) -> Response:
    """A hundred at a time."""
    wanted = EnvironmentFilter(search=search.strip(), with_retired=retired)
    listing = await trio.to_thread.run_sync(_look, view.house, wanted, Window(page, SIZE))
    rows = await _with_progress(view.house, listing.rows)
    return await view.show(
        "home.html",
        rows=rows,
        count=listing.count,
        active=listing.active,
        refused=listing.refused,
        search=search,
        page=page,
        pages=max(1, -(-listing.count // SIZE)),
        with_retired=retired,
    )
