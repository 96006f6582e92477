"""The rest of the house as the tree sees it, in memory: a catalog, an intake that publishes at once, no builders."""

import hashlib
from collections import Counter
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from condafs.builder.protocol import Progress
from condafs.catalog.events import Author, EventRecord
from condafs.catalog.records import BuildRecord, BuildState, EnvironmentRecord, FileRecord, PinRecord, UsageRecord
from condafs.config import Settings
from condafs.config.quotas import NO_LIMITS, Limits
from condafs.errors import DiskFullError, ForbiddenError, NotYoursError, Position, QuotaError, SpecificationError
from condafs.export.exports import Description, Format
from condafs.names import BuildName, EnvironmentName, SpecDigest, spec_file_stem
from condafs.spec.specification import Specification
from condafs.tree.node import Directory, Node
from condafs.tree.tree import Tree


def digest_of(text: str) -> SpecDigest:
    """Some digest."""
    return SpecDigest(hashlib.sha256(text.encode()).hexdigest())


@dataclass
class FakeSnapshot:
    """Everything that is known, always as it is now."""

    by_name: dict[str, EnvironmentRecord] = field(default_factory=dict)
    builds: dict[SpecDigest, BuildRecord] = field(default_factory=dict)
    by_file: dict[str, FileRecord] = field(default_factory=dict)
    happened: list[EventRecord] = field(default_factory=list)
    used: list[UsageRecord] = field(default_factory=list)
    by_label: dict[str, PinRecord] = field(default_factory=dict)
    asked: int = 0

    @property
    def version(self) -> int:
        """Never twice the same: nothing may be remembered of a catalog whose content is changed behind its back."""
        self.asked += 1
        return self.asked

    def environment(self, name: EnvironmentName) -> EnvironmentRecord | None:
        return self.by_name.get(name.text)

    def environments(self, after: str = "") -> Iterator[EnvironmentRecord]:
        return (self.by_name[name] for name in sorted(self.by_name) if name > after)

    def environment_names(self, after: str = "") -> Iterator[str]:
        return (name for name in sorted(self.by_name) if name > after)

    def visible_names(self, after: str = "") -> Iterator[str]:
        return (r.name.text for r in self.environments(after) if r.current and r.file_name)

    def build(self, digest: SpecDigest) -> BuildRecord | None:
        return self.builds.get(digest)

    def builds_of(self, name: EnvironmentName) -> list[BuildRecord]:
        return [record for record in self.builds.values() if record.name == name]

    def ready_digests(self, name: EnvironmentName, prefix: str = "") -> list[tuple[SpecDigest, int]]:
        ready = [record for record in self.builds_of(name) if record.state is BuildState.READY]
        return [(r.digest, r.generation) for r in ready if r.digest.hex.startswith(prefix)]

    def ready_builds(self, after: str = "") -> Iterator[str]:
        names = sorted(str(r.build) for r in self.builds.values() if r.state is BuildState.READY)
        return (name for name in names if name > after)

    def is_ready(self, build: str) -> bool:
        return build in self.ready_builds()

    def file(self, file_name: str) -> FileRecord | None:
        return self.by_file.get(file_name)

    def files(self) -> Iterator[FileRecord]:
        return iter(tuple(self.by_file.values()))

    def pin(self, label: str) -> PinRecord | None:
        return self.by_label.get(label)

    def pins(self) -> Iterator[PinRecord]:
        return iter(tuple(self.by_label.values()))

    def events_of(self, name: EnvironmentName, after: int = 0) -> Iterator[EventRecord]:
        return (event for event in self.happened if event.name == name and event.number > after)

    def usage(self, uid: int) -> UsageRecord:
        return next((record for record in self.used if record.uid == uid), UsageRecord(uid))

    def usages(self) -> Iterator[UsageRecord]:
        return iter(self.used)

    def first_event(self) -> int:
        return self.happened[0].number if self.happened else 0

    def add_build(self, name: str, text: str, *, state: BuildState = BuildState.READY, uid: int = 0) -> BuildName:
        """A build of that environment, made from some text; published unless another state is asked for."""
        build = BuildName(digest_of(text), EnvironmentName(name))
        environment = self.by_name.get(name) or EnvironmentRecord(build.name, build.digest, file_name=f"{name}.yaml")
        generation = 0
        if state is BuildState.READY:
            generation = environment.last_generation + 1
            environment = replace(environment, current=build.digest, last_generation=generation)
        self.by_name[name] = replace(environment, wanted=build.digest, owner_uid=uid)
        self.builds[build.digest] = BuildRecord(build, state, len(self.builds) + 1, generation, owner_uid=uid)
        return build


@dataclass
class FakeExport:
    """An export that says what it is of."""

    build: BuildName
    kind: Format

    @property
    def content(self) -> bytes:
        return f"{self.kind} of {self.build}\n".encode() * 1000

    async def read(self, offset: int, size: int) -> memoryview:
        return memoryview(self.content)[offset : offset + size]


@dataclass
class House:
    """Catalog, intake, steering and scheduler. A file is refused when it contains `BAD`, and built when it does not.

    Attributes:
        calls: What was asked of intake and steering, as (verb, subject, ...).
        authors: Who asked, for each of the calls.
        held: Builds whose exports are open, one for each.
        full: How often the catalog is full before there is room.
        limits: Of users that have some.
        refuses_retries: Whether a quota forbids them.
        strangers: Users whose files may describe nothing.
    """

    settings: Settings
    full: int = 0
    content: FakeSnapshot = field(default_factory=FakeSnapshot)
    calls: list[tuple[str, ...]] = field(default_factory=list)
    authors: list[Author] = field(default_factory=list)
    progress_of: dict[SpecDigest, Progress] = field(default_factory=dict)
    held: list[BuildName] = field(default_factory=list)
    limits: dict[int, Limits] = field(default_factory=dict)
    refuses_retries: bool = False
    strangers: set[int] = field(default_factory=set)

    @contextmanager
    def snapshot(self) -> Iterator[FakeSnapshot]:
        yield self.content

    async def settled(self) -> None:
        """Nothing is committed here."""

    def watch(self, on_moved: Callable[[Collection[EnvironmentName | BuildName]], None]) -> None:
        """Nothing is remembered here."""

    def progress(self, digest: SpecDigest) -> Progress | None:
        return self.progress_of.get(digest)

    def obstacle(self, digest: SpecDigest) -> str:
        del digest
        return ""

    async def find(self, build: BuildName, kind: Format) -> Description:
        return Description(build, kind, kind.value, len(FakeExport(build, kind).content))

    async def open(self, found: Description) -> FakeExport:
        return FakeExport(found.build, found.kind)

    def hold(self, build: BuildName) -> None:
        self.held.append(build)

    def release(self, build: BuildName) -> None:
        self.held.remove(build)

    async def know(self, uid: int) -> None:
        """Everybody is known."""

    def limits_of(self, uid: int) -> Limits:
        return self.limits.get(uid, NO_LIMITS)

    def check_retry(self, file_name: str) -> None:
        if self.refuses_retries:
            raise QuotaError(file_name)

    async def give(self, file_name: str, uid: int) -> None:
        self._called(Author(-1), "give", file_name, str(uid))

    def count_open(self, name: EnvironmentName) -> Counter[BuildName]:
        return Counter(build for build in self.held if build.name == name)

    def check(self, file_name: str, content: bytes, uid: int = 0) -> Specification | None:
        if uid in self.strangers:
            message = f"{file_name} belongs to {{owner}}"
            raise NotYoursError(message, 0)
        if b"BAD" in content:
            line = content.decode(errors="replace").splitlines()[0]
            message = f"{file_name} is bad"
            raise SpecificationError(message, Position(1, 1, line))
        return Specification(EnvironmentName(spec_file_stem(file_name)), "linux-64")

    def _called(self, author: Author, *call: str) -> None:
        if self.full:
            self.full -= 1
            message = "no room left for the catalog"
            raise DiskFullError(message)
        self.calls.append(call)
        self.authors.append(author)

    async def submit(self, file_name: str, content: bytes, mtime_ns: int, uid: int, author: Author) -> None:
        self._called(author, "submit", file_name, content.decode(errors="replace"), str(uid))
        digest = hashlib.sha256(content).hexdigest()
        record = FileRecord(file_name, digest, len(content), mtime_ns)
        try:
            self.check(file_name, content)
        except SpecificationError as error:
            self.content.by_file[file_name] = replace(record, refusal=error.render(file_name))
            raise
        name = spec_file_stem(file_name)
        build = self.content.add_build(name, f"{name}: {digest}", uid=uid)
        self.content.by_file[file_name] = replace(record, digest=build.digest, name=build.name)

    async def rename(  # noqa: PLR0913, PLR0917 - a file under two names
        self, old: str, new: str, content: bytes, mtime_ns: int, uid: int, author: Author
    ) -> None:
        self._called(author, "rename", old, new)
        del content, mtime_ns, uid
        self.content.by_file[new] = replace(self.content.by_file.pop(old), file_name=new)

    async def note_refusal(self, file_name: str, author: Author) -> None:
        self._called(author, "note_refusal", file_name)

    async def retry(self, file_name: str, author: Author, mtime_ns: int) -> None:
        assert mtime_ns > 0
        self._called(author, "retry", file_name)

    async def retire(self, file_name: str, author: Author) -> None:
        self._called(author, "retire", file_name)
        record = self.content.by_file.pop(file_name, None)
        if record and record.name:
            name = record.name.text
            self.content.by_name[name] = replace(self.content.by_name[name], file_name="")

    async def roll_back(self, name: EnvironmentName, digest: SpecDigest, author: Author) -> None:
        self._called(author, "roll_back", name.text, digest.hex)
        record = self.content.by_name[name.text]
        if record.is_retired:
            message = f"{name} is retired"
            raise ForbiddenError(message)
        self.content.by_name[name.text] = replace(record, current=digest, wanted=digest)

    async def delete_build(self, build: BuildName, author: Author) -> None:
        self._called(author, "delete_build", str(build))
        environment = self.content.by_name[build.name.text]
        if environment.current == build.digest:
            message = f"{build} is current"
            raise ForbiddenError(message)
        del self.content.builds[build.digest]

    async def renew(self, build: BuildName, author: Author) -> None:
        self._called(author, "renew", str(build))

    async def pin(self, label: str, build: BuildName, gid: int, author: Author) -> None:
        self._called(author, "pin", label, str(build))
        if label in self.content.by_label:
            message = f"there is a pin {label}"
            raise ForbiddenError(message)
        self.content.by_label[label] = PinRecord(label, build.digest, author.uid, gid, 1)

    async def unpin(self, label: str, author: Author) -> None:
        self._called(author, "unpin", label)
        del self.content.by_label[label]

    async def rename_pin(self, label: str, new_label: str, author: Author) -> None:
        self._called(author, "rename_pin", label, new_label)
        self.content.by_label[new_label] = replace(self.content.by_label.pop(label), label=new_label)

    async def cancel(self, build: BuildName, author: Author) -> None:
        self._called(author, "cancel", str(build))


def make_house(directory: Path) -> House:
    """A house whose state is in a directory."""
    return House(Settings(state=directory, allow_other=False))


def make_tree(house: House) -> Tree:
    """A tree of that house."""
    return Tree(house.settings, house, house, house, house, house)


async def directory(tree: Tree, *names: str) -> Directory:
    """A directory, from the root down."""
    node: Node | None = tree.root
    for name in names:
        assert isinstance(node, Directory)
        node = await node.child(name)
    assert isinstance(node, Directory)
    return node
