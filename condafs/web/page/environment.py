"""`/environment/<name>`: all that there is to know about one."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import Annotated, Any

import trio
from fastapi import APIRouter, Query
from starlette.responses import Response

from condafs.builder.protocol import Phase
from condafs.catalog.events import EventKind, EventRecord
from condafs.catalog.records import ACTIVE_STATES, BuildRecord, BuildState, EnvironmentRecord, FileRecord
from condafs.client.envs import Envs
from condafs.client.status import BuildInTheMaking
from condafs.errors import CondafsError, NotFoundError
from condafs.names import BuildName, EnvironmentName
from condafs.prefix.contents import InstalledPackage
from condafs.web.following import read_log
from condafs.web.house import House
from condafs.web.page.actions import DONE
from condafs.web.page.generations import timeline_of
from condafs.web.page.home import state_of
from condafs.web.page.journal import last_asking
from condafs.web.page.people import Person, person_of
from condafs.web.page.source import source_of
from condafs.web.page.using import commands_for
from condafs.web.page.view import SHOWN, View, ViewOf

router = APIRouter(include_in_schema=False)

EVENTS_SHOWN = 25
LOG_BYTES = 1 << 14
PATIENCE_SECONDS = 2

PHASES = [phase.value for phase in Phase]


@dataclass(frozen=True, slots=True)
class Story:
    """What the catalog knows of an environment.

    Attributes:
        builds: All of them.
        file: What became of its file.
        events: What happened to it, oldest first.
    """

    record: EnvironmentRecord
    current: BuildRecord | None
    wanted: BuildRecord | None
    builds: list[BuildRecord]
    file: FileRecord | None
    events: list[EventRecord]

    @property
    def name(self) -> EnvironmentName:
        """Of the environment."""
        return self.record.name

    @property
    def state(self) -> str:
        """In a word."""
        return state_of(self.record, self.wanted)

    @property
    def active(self) -> BuildRecord | None:
        """The build in the making."""
        return self.wanted if self.wanted and self.wanted.state in ACTIVE_STATES else None

    @property
    def failed(self) -> BuildRecord | None:
        """The build that did not succeed."""
        is_failed = self.wanted and self.wanted.state is not BuildState.READY and self.wanted.failure_kind
        return self.wanted if is_failed else None

    @property
    def can_be_tried_again(self) -> bool:
        """Whether its specification stands and came to nothing, so far."""
        states = {BuildState.FAILED, BuildState.CANCELLED, BuildState.WAITING}
        return self.wanted is not None and self.wanted.state in states and not self.record.is_retired

    def person(self, event: EventRecord) -> Person | None:
        """Who did it; None: the daemon."""
        return person_of(event, self.record.owner_uid) if event.uid >= 0 else None


def find_story(house: House, name: EnvironmentName) -> Story:
    """All that the catalog has.

    Raises:
        NotFoundError: No such environment.
    """
    with house.catalog.snapshot() as snapshot:
        record = snapshot.environment(name)
        if record is None:
            msg = f"there is no environment {name}"
            raise NotFoundError(msg)
        return Story(
            record,
            snapshot.build(record.current) if record.current else None,
            snapshot.build(record.wanted),
            snapshot.builds_of(name),
            snapshot.file(record.file_name) if record.file_name else None,
            list(snapshot.events_of(name)),
        )


@dataclass(frozen=True, slots=True)
class Making:
    """How far a build is.

    Attributes:
        progress: As the mount says; None: not known.
        log: Its last lines.
    """

    progress: BuildInTheMaking | None = None
    log: str = ""


def _look_at_making(envs: Envs, build: BuildName) -> Making:
    status = envs.find_status(build.name.text)
    building = status.building if status else None
    progress = building if building and building.digest == build.digest.hex else None
    size = envs.log(build).stat().st_size if envs.log(build).exists() else 0
    tail = read_log(envs, build, max(0, size - LOG_BYTES), LOG_BYTES).decode(errors="replace")
    return Making(progress, tail if size <= LOG_BYTES else tail.partition("\n")[2])


async def _making(house: House, build: BuildRecord | None) -> Making:
    if build is None:
        return Making()
    try:
        return await house.mount.ask(_look_at_making, build.build, patience_seconds=PATIENCE_SECONDS)
    except CondafsError:
        return Making()


async def _packages(house: House, current: BuildRecord | None) -> list[InstalledPackage] | None:
    """Of the current build; None when the mount does not tell."""
    if current is None:
        return []
    with trio.move_on_after(PATIENCE_SECONDS):
        try:
            return list(await house.packages.of(current.build))
        except CondafsError:
            return None
    return None


def is_told(event: EventRecord) -> bool:
    """Whether people want to hear of it: that the name moves to what was published goes without saying."""
    return event.kind is not EventKind.STARTED and not (event.kind is EventKind.MOVED and event.uid < 0)


async def _values(view: View, story: Story, before: int) -> dict[str, Any]:
    """What the page shows. The mount is asked for all of it at once: it may not answer."""
    house, current = view.house, story.current
    found: dict[str, Any] = {}

    async def find(name: str, answer: Awaitable[object]) -> None:
        found[name] = await answer

    timeline = timeline_of(house, story.builds, story.record.shown, story.events, before)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(find, "timeline", timeline)
        nursery.start_soon(find, "making", _making(house, story.active or story.failed))
        nursery.start_soon(find, "packages", _packages(house, current))
        nursery.start_soon(find, "source", source_of(house, story.record))
    is_open = house.settings.http_open
    return found | {
        "story": story,
        "asker": person_of(last_asking(story.events), story.record.owner_uid),
        "commands": commands_for(current, house.mount.envs.mount, view.base_url, is_open=is_open) if current else [],
        "events": [event for event in reversed(story.events) if is_told(event)][:EVENTS_SHOWN],
        "phases": PHASES,
    }


@router.api_route("/environment/{name}", methods=SHOWN)
async def environment(
    view: ViewOf,
    name: str,
    before: Annotated[int, Query(ge=0, le=1 << 31)] = 0,
    packages: Annotated[str, Query(max_length=200)] = "",
    done: Annotated[str, Query(max_length=40)] = "",
) -> Response:
    """One environment."""
    story = await trio.to_thread.run_sync(find_story, view.house, EnvironmentName(name))
    values = await _values(view, story, before)
    matching = sum(packages.lower() in item.name.lower() for item in values["packages"] or ())
    return await view.show("environment.html", **values, filter=packages, matching=matching, done=DONE.get(done, ""))
