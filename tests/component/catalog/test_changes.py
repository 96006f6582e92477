"""Laws of the catalog under any order of events: hypothesis plays people, builders, crashes and removals."""

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from condafs.catalog import attempts, changes, claims, pins
from condafs.catalog.events import EventKind, kind_of
from condafs.catalog.records import ACTIVE_STATES, BuildRecord, BuildState, FileRecord, PinRecord
from condafs.catalog.store import Catalog
from condafs.catalog.transaction import Transaction
from condafs.catalog.usage import count_anew
from condafs.errors import ConflictError, ForbiddenError, NotFoundError, NotYoursError
from condafs.names import BuildName, EnvironmentName, SpecDigest
from condafs.spec.image import DEFAULT_IMAGE, ImageSettings

T = TypeVar("T")

NAMES = ("foo", "bar")
FILES = ("a.yaml", "b.yaml", "c.yaml")
MOST_ATTEMPTS = 3

environments = st.sampled_from(NAMES)
file_names = st.sampled_from(FILES)
versions = st.integers(0, 3)
choices = st.integers(0, 7)
users = st.sampled_from((7, 8))
labels = st.sampled_from(["paper", "thesis"])
images = st.sampled_from([DEFAULT_IMAGE, ImageSettings(user="x"), ImageSettings(labels=(("a", "b"),))])


def _build(name: str, version: int) -> BuildName:
    return BuildName(SpecDigest(f"{NAMES.index(name) * 16 + version + 1:064x}"), EnvironmentName(name))


def _file(file_name: str, build: BuildName) -> FileRecord:
    return FileRecord(file_name, build.digest.hex, 1, 1, build.digest, build.name)


class CatalogMachine(RuleBasedStateMachine):
    """The rules are what can happen; the invariants what must hold after it."""

    def __init__(self) -> None:
        super().__init__()
        # In memory when that can be had: syncing is not what is looked at here.
        memory = Path("/dev/shm")  # noqa: S108 - only a faster place
        self._folder = tempfile.TemporaryDirectory(dir=memory if os.access(memory, os.W_OK) else None)
        self._catalog = Catalog.open(Path(self._folder.name) / "c")
        self._now = 1.0
        self._wanted: dict[str, SpecDigest] = {}
        self._generations: dict[str, int] = {}
        self._images: dict[str, ImageSettings] = {}
        self._states: dict[SpecDigest, BuildState] = {}
        self._leads_to: dict[str, SpecDigest | None] = {}
        self._moved: dict[str, tuple[SpecDigest | None, int]] = {}
        self._told = 0
        self._told_at = 1.0

    def teardown(self) -> None:
        self._catalog.close()
        self._folder.cleanup()

    def _write(self, function: Callable[[Transaction], T]) -> T:
        self._now += 0.25  # several things happen in a second
        return self._catalog.write_now(function)

    def _records(self) -> list[BuildRecord]:
        with self._catalog.snapshot() as snapshot:
            return [record for name in NAMES for record in snapshot.builds_of(EnvironmentName(name))]

    @rule(file_name=file_names, name=environments, version=versions, moved_from=st.just("") | file_names, image=images)
    def submit(self, file_name: str, name: str, version: int, moved_from: str, image: ImageSettings) -> None:
        build = _build(name, version)
        moved_from = "" if moved_from == file_name else moved_from
        submission = claims.Submission(_file(file_name, build), b"{}", 7, moved_from, image)
        try:
            self._write(lambda t: claims.submit(t, submission, self._now))
        except (ConflictError, NotYoursError):
            return
        self._wanted[name] = build.digest
        self._images[name] = image
        with self._catalog.snapshot() as snapshot:
            record = snapshot.environment(build.name)
            made = snapshot.build(build.digest)
        assert record
        assert made
        assert (record.wanted, record.file_name) == (build.digest, file_name)
        assert made.state in (BuildState.QUEUED, BuildState.BUILDING, BuildState.READY, BuildState.DELETING)
        if made.state is BuildState.READY:
            assert record.current == build.digest

    @rule(old=file_names, new=file_names, name=environments, version=versions, image=images)
    def move(self, old: str, new: str, name: str, version: int, image: ImageSettings) -> None:
        submission = claims.Submission(_file(new, _build(name, version)), b"{}", 7, old, image)
        if old != new and self._write(lambda t: claims.move_file(t, submission)):
            self._images[name] = image

    @rule(file_name=file_names, uid=users)
    def give(self, file_name: str, uid: int) -> None:
        self._write(lambda t: claims.give_file(t, file_name, uid))

    @rule(file_name=file_names, moved_from=st.just("") | file_names)
    def refuse(self, file_name: str, moved_from: str) -> None:
        record = FileRecord(file_name, "0" * 64, 1, 1, refusal="no")
        moved_from = "" if moved_from == file_name else moved_from
        self._write(lambda t: claims.refuse(t, record, self._now, moved_from))

    @rule(file_name=file_names)
    def retire(self, file_name: str) -> None:
        self._write(lambda t: claims.retire(t, file_name, self._now))

    @rule(file_name=file_names)
    def retry(self, file_name: str) -> None:
        self._write(lambda t: claims.retry(t, file_name, self._now))

    @rule(name=environments, version=versions)
    def roll_back(self, name: str, version: int) -> None:
        build = _build(name, version)
        try:
            self._write(lambda t: changes.roll_back(t, build.name, build.digest, self._now))
        except (NotFoundError, ForbiddenError):
            return
        self._wanted[name] = build.digest
        with self._catalog.snapshot() as snapshot:
            record = snapshot.environment(build.name)
        assert record
        assert record.current == record.wanted == build.digest

    @rule(name=environments, version=versions)
    def renew(self, name: str, version: int) -> None:
        build = _build(name, version)
        with self._catalog.snapshot() as snapshot:
            before = snapshot.build(build.digest)
        try:
            self._write(lambda t: changes.renew(t, build, self._now))
        except NotFoundError:
            assert before is None
            return
        except ForbiddenError:
            assert before
            assert not before.generation
            return
        with self._catalog.snapshot() as snapshot:
            after, environment = snapshot.build(build.digest), snapshot.environment(build.name)
        assert before
        assert after
        assert after.generation == before.generation
        if before.state is BuildState.READY:
            assert after.state is BuildState.QUEUED
            assert environment
            assert environment.current != build.digest

    @rule(name=environments, version=versions)
    def cancel(self, name: str, version: int) -> None:
        try:
            self._write(lambda t: changes.cancel(t, _build(name, version), self._now))
        except (NotFoundError, ForbiddenError):
            return

    @rule(name=environments, version=versions)
    def delete(self, name: str, version: int) -> None:
        try:
            self._write(lambda t: changes.delete(t, _build(name, version), self._now))
        except (NotFoundError, ForbiddenError):
            return

    def _pick(self, choice: int, *states: BuildState) -> SpecDigest:
        """Some build in one of these states; when there is none, some build."""
        records = self._records()
        fitting = [record.digest for record in records if record.state in states]
        fitting = fitting or [record.digest for record in records] or [_build("foo", 0).digest]
        return fitting[choice % len(fitting)]

    @rule(choice=choices)
    def erase(self, choice: int) -> None:
        self._write(lambda t: changes.erase(t, self._pick(choice, BuildState.DELETING), self._now))

    @rule(choice=choices)
    def restore(self, choice: int) -> None:
        digest = self._pick(choice, BuildState.DELETING)
        record = self._write(lambda t: changes.restore(t, digest, self._now))
        if record:
            assert record.generation
            assert self._wanted[record.name.text] == digest

    @rule(choice=choices, label=labels)
    def pin(self, choice: int, label: str) -> None:
        digest = self._pick(choice, BuildState.READY)
        try:
            self._write(lambda t: pins.pin(t, PinRecord(label, digest, 7, 7, self._now)))
        except (NotFoundError, ForbiddenError):
            return

    @rule(label=labels, new_label=labels)
    def rename_pin(self, label: str, new_label: str) -> None:
        try:
            self._write(lambda t: pins.rename(t, label, new_label, self._now))
        except NotFoundError:
            return

    @rule(label=labels)
    def unpin(self, label: str) -> None:
        try:
            self._write(lambda t: pins.unpin(t, label, self._now))
        except NotFoundError:
            return

    @rule(choice=choices)
    def start(self, choice: int) -> None:
        digest = self._pick(choice, BuildState.QUEUED, BuildState.WAITING)
        self._write(lambda t: attempts.start(t, digest, self._now))

    @rule(choice=choices)
    def publish(self, choice: int) -> None:
        digest = self._pick(choice, BuildState.BUILDING)
        with self._catalog.snapshot() as snapshot:
            leads_nowhere = {r.name.text for r in snapshot.environments() if r.current is None and not r.is_retired}
            before = snapshot.build(digest)
        published = self._write(lambda t: attempts.publish(t, digest, attempts.Sizes(1, 1, 1), self._now))
        if published:
            record, name = published.record, published.record.name.text
            assert published.is_current == (self._wanted[name] == digest or name in leads_nowhere)
            last = self._generations.get(name, 0)
            assert before
            assert record.generation == (before.generation or last + 1), "what is made again is what it was"
            assert (record.attempts, record.failure_kind, record.next_try) == (0, "", 0)
            self._generations[name] = max(record.generation, last)

    @rule(file_name=file_names, name=environments, version=versions)
    def submit_and_publish(self, file_name: str, name: str, version: int) -> None:
        self.submit(file_name, name, version, "", DEFAULT_IMAGE)
        for _ in NAMES:
            self.start(0)
            self.publish(0)

    @rule(choice=choices, delay=st.none() | st.floats(0, 100))
    def fail(self, choice: int, delay: float | None) -> None:
        failure = attempts.Failure("network", "no", delay)
        digest = self._pick(choice, BuildState.BUILDING)
        self._write(lambda t: attempts.fail(t, digest, failure, self._now))

    @rule()
    def end_in_good_order(self) -> None:
        for record in self._records():
            self._write(lambda t, record=record: attempts.interrupt(t, record.digest, self._now))

    @rule()
    def crash(self) -> None:
        self._catalog.close()
        self._catalog = Catalog.open(Path(self._folder.name) / "c")
        self._write(lambda t: attempts.recover(t, MOST_ATTEMPTS, self._now))
        assert not [record for record in self._records() if record.state is BuildState.BUILDING]

    @invariant()
    def what_users_have_is_what_counting_anew_finds(self) -> None:
        with self._catalog.snapshot() as snapshot:
            kept = list(snapshot.usages())
            owners = {record.name: record.owner_uid for record in snapshot.environments()}
            assert all(build.owner_uid == owners.get(build.name, build.owner_uid) for build in snapshot.builds())
        self._write(count_anew)
        with self._catalog.snapshot() as snapshot:
            assert list(snapshot.usages()) == kept

    @invariant()
    def names_point_at_published_builds_that_are_wanted(self) -> None:
        with self._catalog.snapshot() as snapshot:
            found = {record.name.text: record for record in snapshot.environments()}
            for record in found.values():
                assert record.wanted == self._wanted[record.name.text]
                current = snapshot.build(record.current) if record.current else None
                if record.current:
                    assert current
                    assert (current.state, current.name) == (BuildState.READY, record.name)
                wanted = snapshot.build(record.wanted)
                if wanted and wanted.state is BuildState.READY and not record.is_retired:
                    assert record.current == record.wanted
            assert list(snapshot.visible_names()) == sorted(
                name for name, record in found.items() if record.current and not record.is_retired
            )
        for name in set(self._generations) - set(found):
            del self._generations[name]  # a name without builds is forgotten, its numbers too

    @invariant()
    def an_image_is_that_of_the_latest_document_as_long_as_the_name_is_known(self) -> None:
        with self._catalog.snapshot() as snapshot:
            known = {record.name.text for record in snapshot.environments()}
            self._images = {name: image for name, image in self._images.items() if name in known}
            for name in NAMES:
                assert snapshot.image(EnvironmentName(name)) == self._images.get(name, DEFAULT_IMAGE)

    @invariant()
    def only_what_is_wanted_or_was_a_generation_waits_for_its_turn(self) -> None:
        with self._catalog.snapshot() as snapshot:
            for record in self._records():
                if record.state in (BuildState.QUEUED, BuildState.WAITING) and not record.generation:
                    environment = snapshot.environment(record.name)
                    assert environment
                    assert environment.wanted == record.digest
                    assert not environment.is_retired

    @invariant()
    def the_journal_tells_what_becomes_of_builds_and_names(self) -> None:
        with self._catalog.snapshot() as snapshot:
            news = list(snapshot.events(self._told))
            leads_to = {record.name.text: record.shown for record in snapshot.environments()}
        states = {record.digest: record.state for record in self._records()}
        assert [event.number for event in news] == list(range(self._told + 1, self._told + 1 + len(news)))
        assert all(self._told_at < event.at <= self._now for event in news), "every function says when it happens"
        told = {(event.kind, event.digest) for event in news}
        for digest, state in states.items():
            kind = kind_of(self._states.get(digest), state)
            assert kind is None or (kind, digest) in told
        for name, shown in leads_to.items():
            if shown and shown != self._leads_to.get(name):
                assert (EventKind.MOVED, shown) in told
        for name, shown in self._leads_to.items():
            if shown and not leads_to.get(name):
                is_retired = (EventKind.RETIRED, name) in {(event.kind, str(event.name)) for event in news}
                assert is_retired or (EventKind.SUBMITTED, shown) in told, "or what it led to is made again"
        self._states, self._leads_to = states, leads_to
        self._told, self._told_at = self._told + len(news), self._now

    @invariant()
    def a_name_moves_in_another_whole_second_each_time(self) -> None:
        with self._catalog.snapshot() as snapshot:
            moved = {record.name.text: (record.current, int(record.moved)) for record in snapshot.environments()}
        for name, (current, second) in moved.items():
            before, second_before = self._moved.get(name, (current, 0))
            assert second > second_before if current != before else second == second_before or name not in self._moved
        self._moved = moved

    @invariant()
    def what_is_pinned_stays(self) -> None:
        with self._catalog.snapshot() as snapshot:
            for pin in snapshot.pins():
                record = snapshot.build(pin.digest)
                assert record
                assert record.generation, "it was published, and may be made again because it was damaged"
                assert record.state is not BuildState.DELETING

    @invariant()
    def a_name_is_claimed_by_one_file_and_that_file_knows_it(self) -> None:
        with self._catalog.snapshot() as snapshot:
            for record in snapshot.environments():
                if not record.is_retired:
                    file = snapshot.file(record.file_name)
                    assert file
                    assert file.name == record.name

    @invariant()
    def what_follows_from_the_builds_agrees_with_them(self) -> None:
        records = self._records()
        with self._catalog.snapshot() as snapshot:
            ready = [record for record in records if record.state is BuildState.READY]
            assert sorted(snapshot.ready_builds()) == sorted(str(record.build) for record in ready)
            active = [record for record in records if record.state in ACTIVE_STATES]
            assert list(snapshot.active()) == sorted(active, key=lambda record: record.sequence)
            counts = snapshot.count_by_state()
            for state in BuildState:
                assert counts[state] == sum(record.state is state for record in records)
            for record in records:
                assert snapshot.specification(record.digest) == b"{}"
            for name in NAMES:
                digests = snapshot.ready_digests(EnvironmentName(name))
                of_name = [record for record in ready if record.name.text == name]
                assert dict(digests) == {record.digest: record.generation for record in of_name}
                assert len({record.generation for record in of_name}) == len(of_name)


TestCatalog = CatalogMachine.TestCase
TestCatalog.settings = settings(
    max_examples=100, stateful_step_count=50, deadline=None, suppress_health_check=list(HealthCheck)
)
