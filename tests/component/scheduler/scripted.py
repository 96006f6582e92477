"""A house without a mount: a real catalog and scheduler, a scripted builder, and a clock that is turned by hand."""

from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import trio
import trio.testing

from condafs.builder.protocol import BuildRequest, Failed, FailureKind, Phase, Progress, Succeeded
from condafs.builder.runner import remove_here
from condafs.catalog.records import BuildRecord, BuildState, EnvironmentRecord
from condafs.catalog.store import Catalog
from condafs.config import Settings, machine_platform
from condafs.names import BuildName, EnvironmentName, SpecDigest
from condafs.scheduler.allowances import Allowances
from condafs.scheduler.announcer import Announcer
from condafs.scheduler.intake import Intake
from condafs.scheduler.logbook import Logbook
from condafs.scheduler.room import Room
from condafs.scheduler.scheduler import Scheduler
from condafs.scheduler.steering import Steering
from condafs.spec.canonical import digest_of
from condafs.spec.parse import parse

Outcome = Succeeded | Failed

SUCCESS = Succeeded(size_bytes=1000, own_bytes=100, package_count=3, file_count=9, lock_sha256="0" * 64)
NETWORK = Failed(FailureKind.NETWORK, "connection reset", Phase.FETCH)
UNSATISFIABLE = Failed(FailureKind.UNSATISFIABLE, "nothing provides zz-nothing", Phase.SOLVE)


def specification(name: str, *packages: str) -> bytes:
    """The text of an environment file."""
    dependencies = "".join(f"  - {package}\n" for package in packages or ("zz-pure",))
    return f"name: {name}\nchannels: [zz]\ndependencies:\n{dependencies}".encode()


def build_for(content: bytes, file_name: str = "file.yaml") -> BuildName:
    """What a file's build is called."""
    parsed = parse(content, file_name, machine_platform(), 100)
    assert parsed
    return BuildName(digest_of(parsed), parsed.name)


class Clock:
    """Unix seconds, turned by hand."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


class ScriptedRunner:
    """Makes prefixes as it is told: `outcomes` in turn, SUCCESS when they are used up. Waits while it is `held`."""

    def __init__(self) -> None:
        self.outcomes: list[Outcome | BaseException] = []
        self.requests: list[BuildRequest] = []
        self.at_work: set[str] = set()
        self.most_at_work = 0
        self.cancelled: list[str] = []
        self._gate = trio.Event()
        self._gate.set()
        self._changed = trio.Event()

    def hold(self) -> None:
        """Builds do not end from now on."""
        self._gate = trio.Event()

    def release(self) -> None:
        """All that are held end."""
        self._gate.set()

    async def run(self, request: BuildRequest, log: Path, on_progress: Callable[[Progress], None]) -> Outcome:
        assert request.build not in self.at_work, "one build a digest"
        prefix = Path(request.prefix)
        prefix.mkdir()  # noqa: ASYNC240 - a quick one; it fails when the place was not cleared
        self.requests.append(request)
        self.at_work.add(request.build)
        self.most_at_work = max(self.most_at_work, len(self.at_work))
        self._notify()
        try:
            (prefix / "half").write_text("made")
            with log.open("a") as file:
                file.write("builder speaking\n")
            on_progress(Progress(Phase.LINK, "zz-pure", 1, 2))
            await self._gate.wait()
        except trio.Cancelled:
            self.cancelled.append(request.build)
            raise
        finally:
            self.at_work.discard(request.build)
            self._notify()
        outcome = self.outcomes.pop(0) if self.outcomes else SUCCESS
        if isinstance(outcome, BaseException):
            raise outcome
        return outcome

    async def remove(self, prefix: Path) -> None:
        await remove_here(prefix)

    def _notify(self) -> None:
        self._changed.set()
        self._changed = trio.Event()

    async def wait_until(self, condition: Callable[[], bool]) -> None:
        """Until a build began or ended so that this holds."""
        while not condition():
            await self._changed.wait()

    @property
    def order(self) -> list[str]:
        """Names of environments, in the order in which tries began."""
        return [request.build[65:] for request in self.requests]


@dataclass
class House:
    """Everything below the tree."""

    settings: Settings
    clock: Clock
    runner: ScriptedRunner
    catalog: Catalog
    scheduler: Scheduler
    intake: Intake
    steering: Steering
    exports: "ScriptedExports"

    async def write(self, file_name: str, content: bytes, uid: int = 1000) -> BuildName:
        """Write a file, as the tree would."""
        path = self.settings.specs / file_name
        path.write_bytes(content)
        await self.intake.submit(file_name, content, path.stat().st_mtime_ns, uid)
        return build_for(content, file_name)

    async def ready(self, file_name: str, content: bytes, uid: int = 1000) -> BuildName:
        """Write a file, and wait until what it describes is published and nothing is left to do."""
        build = await self.write(file_name, content, uid)
        await self.until(build, BuildState.READY)
        await self.idle()
        return build

    def environment(self, name: str) -> EnvironmentRecord | None:
        with self.catalog.snapshot() as snapshot:
            return snapshot.environment(EnvironmentName(name))

    def current(self, name: str) -> SpecDigest | None:
        record = self.environment(name)
        return record.current if record else None

    def build(self, build: BuildName) -> BuildRecord | None:
        with self.catalog.snapshot() as snapshot:
            return snapshot.build(build.digest)

    def state(self, build: BuildName) -> BuildState | None:
        record = self.build(build)
        return record.state if record else None

    def prefix(self, build: BuildName) -> Path:
        return self.settings.builds / str(build)

    def log(self, build: BuildName) -> str:
        return (self.settings.logs / f"{build}.log").read_text()

    async def until(self, build: BuildName, *states: BuildState | None) -> None:
        """Until a build is in one of these states."""
        with trio.fail_after(30):
            while self.state(build) not in states:
                await _others_work()

    async def until_tried(self, build: BuildName, attempts: int, state: BuildState) -> BuildRecord:
        """Until so many tries of a build have been made and the last led to this state."""
        with trio.fail_after(30):
            while True:
                record = self.build(build)
                if record and (record.attempts, record.state) == (attempts, state):
                    await self.idle()
                    return record
                await _others_work()

    async def idle(self, builds: Iterable[BuildName] = ()) -> None:
        """Until no builder works, nothing is due, and nothing is being removed."""
        with trio.fail_after(30):
            while self.scheduler.is_busy or any(
                self.state(build) in (BuildState.QUEUED, BuildState.DELETING) for build in builds
            ):
                await _others_work()

    def turn_clock(self, seconds: float) -> None:
        """Time passes."""
        self.clock.now += seconds
        self.scheduler.look_at([])


async def _others_work() -> None:
    """Until everybody waits for a thread, a builder or the clock; then it is worth looking again."""
    await trio.testing.wait_all_tasks_blocked(0.001)


def make_settings(state: Path, **fields: object) -> Settings:
    """Settings of a house in a temporary folder, with its directories."""
    settings = Settings(state, **{"jobs": 2, "attempts": 3, **fields})  # type: ignore[arg-type]
    for directory in (settings.specs, settings.builds, settings.logs, settings.packages):
        directory.mkdir(parents=True, exist_ok=True)
    return settings


@dataclass
class ScriptedExports:
    """Who computes exports: remembers what was asked, and holds back the removal of builds that are read."""

    prepared: list[BuildName] = field(default_factory=list)
    removed: list[BuildName] = field(default_factory=list)
    read: dict[BuildName, trio.Event] = field(default_factory=dict)
    is_building: bool = False

    def prepare_soon(self, build: BuildName) -> None:
        self.prepared.append(build)

    def note_building(self, *, is_building: bool) -> None:
        self.is_building = is_building

    async def clear(self, build: BuildName) -> None:
        if build in self.read:
            await self.read[build].wait()
        self.removed.append(build)


def assemble(
    settings: Settings,
    catalog: Catalog,
    runner: ScriptedRunner | None = None,
    *,
    daemon_uid: int = 0,
    room: Room | None = None,
) -> House:
    """A house whose scheduler does not run yet."""
    clock, runner = Clock(), runner or ScriptedRunner()
    exports = ScriptedExports()
    scheduler = Scheduler(
        catalog, runner, settings, exports, clock=clock, uniform=lambda low, high: (low + high) / 2, room=room
    )
    announcer, allowances = (
        Announcer(catalog, scheduler, Logbook(settings.logs, clock)),
        Allowances(settings, daemon_uid),
    )
    intake = Intake(catalog, announcer, allowances, settings, clock=clock)
    steering = Steering(catalog, announcer, allowances, clock=clock)
    return House(settings, clock, runner, catalog, scheduler, intake, steering, exports)


@asynccontextmanager
async def open_house(
    settings: Settings, runner: ScriptedRunner | None = None, *, daemon_uid: int = 0
) -> AsyncIterator[House]:
    """A house at work."""
    with Catalog.open(settings.catalog) as catalog:
        house = assemble(settings, catalog, runner, daemon_uid=daemon_uid)
        async with trio.open_nursery() as nursery:
            await nursery.start(house.scheduler.run)
            try:
                yield house
            finally:
                nursery.cancel_scope.cancel()
