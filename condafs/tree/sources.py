"""What the tree asks of the rest of the house, as protocols, so that tests can answer instead."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import AbstractContextManager
from typing import Protocol

from condafs.builder.protocol import Progress
from condafs.catalog.events import Author, EventRecord
from condafs.catalog.records import BuildRecord, EnvironmentRecord, FileRecord, PinRecord, UsageRecord
from condafs.config.quotas import Limits
from condafs.export.exports import Description, Export, Format
from condafs.names import BuildName, EnvironmentName, SpecDigest
from condafs.spec.specification import Specification


class Snapshot(Protocol):
    """The catalog at one moment. Never held across an await."""

    @property
    def version(self) -> int:
        """The number of the last commit; snapshots of one version hold the same."""
        ...

    def environment(self, name: EnvironmentName, /) -> EnvironmentRecord | None:
        """One environment."""
        ...

    def environments(self, after: str = "") -> Iterator[EnvironmentRecord]:
        """All environments by name."""
        ...

    def build(self, digest: SpecDigest, /) -> BuildRecord | None:
        """One build."""
        ...

    def builds_of(self, name: EnvironmentName, /) -> list[BuildRecord]:
        """The builds of an environment by generation, unpublished ones last."""
        ...

    def ready_digests(self, name: EnvironmentName, prefix: str = "") -> list[tuple[SpecDigest, int]]:
        """(digest, generation) of the published builds whose digest begins with `prefix`."""
        ...

    def ready_builds(self, after: str = "") -> Iterator[str]:
        """Names of all published builds, in a stable order."""
        ...

    def visible_names(self, after: str = "") -> Iterator[str]:
        """Names of the environments that have a current build and are not retired."""
        ...

    def environment_names(self, after: str = "") -> Iterator[str]:
        """Names of all environments."""
        ...

    def is_ready(self, build: str, /) -> bool:
        """Whether that is the name of a published build."""
        ...

    def file(self, file_name: str, /) -> FileRecord | None:
        """What became of one file of `.specs`."""
        ...

    def files(self) -> Iterator[FileRecord]:
        """What became of all files of `.specs`."""
        ...

    def pin(self, label: str, /) -> PinRecord | None:
        """One pin."""
        ...

    def pins(self) -> Iterator[PinRecord]:
        """All pins, by label."""
        ...

    def events_of(self, name: EnvironmentName, after: int = 0) -> Iterator[EventRecord]:
        """What happened to one environment, in order, behind the event of that number."""
        ...

    def usage(self, uid: int, /) -> UsageRecord:
        """What one user has."""
        ...

    def usages(self) -> Iterator[UsageRecord]:
        """What every user has."""
        ...

    def first_event(self) -> int:
        """The number of the oldest event that is remembered."""
        ...


class Catalog(Protocol):
    """Where snapshots come from."""

    def snapshot(self) -> AbstractContextManager[Snapshot]:
        """The catalog as it is now."""
        ...

    async def settled(self) -> None:
        """Whoever is told what moves knows all that a snapshot shows, when it is opened before the next await."""
        ...

    def watch(self, on_moved: Callable[[Collection[EnvironmentName | BuildName]], None], /) -> None:
        """Have it told, in another thread, what leads elsewhere or nowhere since the last commit."""
        ...


class Intake(Protocol):
    """Where what people do with files of `.specs` goes in (scheduler.intake). The author is who asked."""

    async def know(self, uid: int, /) -> None:
        """Find out which quotas a user has, before something is checked for her."""
        ...

    def limits_of(self, uid: int, /) -> Limits:
        """What a user may have, as far as it is known."""
        ...

    def check(self, file_name: str, content: bytes, uid: int, /) -> Specification | None:
        """Raise UserError when the content of that owner would be refused under that name. Safe in a thread."""
        ...

    def check_retry(self, file_name: str, /) -> None:
        """Raise QuotaError when touching that file would be refused. Safe in a thread."""
        ...

    async def give(self, file_name: str, uid: int, /) -> None:
        """A file has another owner."""
        ...

    async def submit(self, file_name: str, content: bytes, mtime_ns: int, uid: int, author: Author, /) -> None:
        """A file of that owner was written."""
        ...

    async def rename(  # noqa: PLR0913, PLR0917 - a file under two names
        self, old: str, new: str, content: bytes, mtime_ns: int, uid: int, author: Author, /
    ) -> None:
        """A file of that content and owner got another name."""
        ...

    async def note_refusal(self, file_name: str, author: Author, /) -> None:
        """A file was not let into place under that name."""
        ...

    async def retry(self, file_name: str, author: Author, mtime_ns: int, /) -> None:
        """A file was touched, at that time."""
        ...

    async def retire(self, file_name: str, author: Author, /) -> None:
        """A file was removed."""
        ...


class Steering(Protocol):
    """Where what people do with builds and names goes in (scheduler.steering). The author is who asked."""

    async def roll_back(self, name: EnvironmentName, digest: SpecDigest, author: Author, /) -> None:
        """The name is to point at that build."""
        ...

    async def delete_build(self, build: BuildName, author: Author, /) -> None:
        """That build is to go; one in the making is cancelled."""
        ...

    async def renew(self, build: BuildName, author: Author, /) -> None:
        """That build is to be made again."""
        ...

    async def pin(self, label: str, build: BuildName, gid: int, author: Author, /) -> None:
        """That published build is to stay."""
        ...

    async def unpin(self, label: str, author: Author, /) -> None:
        """It need not, as far as that pin goes."""
        ...

    async def rename_pin(self, label: str, new_label: str, author: Author, /) -> None:
        """A pin gets another label, which it takes from who has it."""
        ...

    async def cancel(self, build: BuildName, author: Author, /) -> None:
        """That build is not to be made."""
        ...


class ProgressSource(Protocol):
    """Who knows how far builds are (scheduler.scheduler)."""

    def progress(self, digest: SpecDigest, /) -> Progress | None:
        """How far a build is; None when it is not being made."""
        ...

    def obstacle(self, digest: SpecDigest, /) -> str:
        """Why it does not go on for the moment; "" when nothing is in the way."""
        ...


class ExportSource(Protocol):
    """Who opens exports (export.exports)."""

    async def find(self, build: BuildName, kind: Format, /) -> Description:
        """An export of a published build; MachineError when it cannot be made."""
        ...

    async def open(self, found: Description, /) -> Export:
        """Open it; ESTALE when it is another by now."""
        ...

    def hold(self, build: BuildName, /) -> None:
        """Somebody has an export of it open: its files stay."""
        ...

    def count_open(self, name: EnvironmentName, /) -> Mapping[BuildName, int]:
        """How many exports of which builds of an environment are open."""
        ...

    def release(self, build: BuildName, /) -> None:
        """And has it no more."""
        ...
