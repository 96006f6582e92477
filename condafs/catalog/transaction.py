"""Writing: a snapshot that can be changed. Keeps what follows from the builds (`schema`) in step with them.

It tells the journal what happens to builds and names, so that nobody who changes them can forget to.

Handed to functions by `Catalog.write`; `changes` has those functions.
"""

import math
from collections.abc import Callable
from dataclasses import replace
from itertools import islice, takewhile

from condafs.catalog.encoding import (
    ACTIVE_MARK,
    decode_number,
    encode_build,
    encode_environment,
    encode_event,
    encode_file,
    encode_image,
    encode_number,
    encode_pin,
    encode_usage,
    event_name,
    with_mark,
)
from condafs.catalog.events import DAEMON, EventKind, EventRecord, detail_of, kind_of
from condafs.catalog.keys import digest_key, event_key, key_sequence, sequence_key, text_key, user_key
from condafs.catalog.reader import Snapshot
from condafs.catalog.records import (
    ACTIVE_STATES,
    BuildRecord,
    BuildState,
    EnvironmentRecord,
    FileRecord,
    PinRecord,
    UsageRecord,
)
from condafs.catalog.schema import (
    BUILDS,
    BUILDS_OF,
    ENVIRONMENTS,
    EVENTS,
    EVENTS_OF,
    FILES,
    IMAGES,
    LAYERS,
    META,
    MOST_EVENTS,
    PINS,
    QUEUE,
    SPECIFICATIONS,
    USAGE,
)
from condafs.catalog.tables import Handles, RawTransaction
from condafs.names import BuildName, EnvironmentName, SpecDigest
from condafs.spec.image import DEFAULT_IMAGE, ImageSettings


class Transaction(Snapshot):
    """A write transaction; all of it happens or nothing.

    Attributes:
        moved: Environments that lead elsewhere, or nowhere, once this is committed, and builds that are published no
            more; those that lead somewhere for the first time are not among them.
        author: Who does what happens here; for the journal.
        now: When it happens, in Unix seconds, which the function that is run says first; likewise.
    """

    __slots__ = ("author", "moved", "now")

    def __init__(self, raw: RawTransaction, handles: Handles, close: Callable[[], None]) -> None:
        super().__init__(raw, handles, close)
        self.moved: set[EnvironmentName | BuildName] = set()
        self.author = DAEMON
        self.now = 0.0

    def _put(self, table: bytes, key: bytes, value: bytes) -> None:
        self._raw.put(key, value, db=self._handles[table])

    def _delete(self, table: bytes, key: bytes) -> None:
        self._raw.delete(key, db=self._handles[table])

    def note_rebuilt(self) -> None:
        """The catalog is made anew, now: what it does not know of before may have been lost."""
        self._put(META, b"rebuilt", encode_number(math.ceil(self.now)))

    def next_sequence(self) -> int:
        """A number higher than all before."""
        sequence = decode_number(self._get(META, b"sequence")) + 1
        self._put(META, b"sequence", encode_number(sequence))
        return sequence

    def put_environment(self, record: EnvironmentRecord) -> None:
        """Add or replace."""
        before = self.environment(record.name)
        if before and record.current != before.current:
            record = replace(record, moved=_next_moment(before.moved, record.moved))
        self._note_if_moved(before, record.shown)
        self._put(ENVIRONMENTS, text_key(record.name.text), encode_environment(record))
        self._use_environment(before, -1)
        self._use_environment(record, 1)
        if before and record.is_retired and not before.is_retired:
            self.note(EventKind.RETIRED, record.name, detail=before.file_name)
        if record.shown and (before is None or record.shown != before.shown):
            build = self.build(record.shown)
            self.note(EventKind.MOVED, record.name, record.shown, generation=build.generation if build else 0)

    def remove_environment(self, name: EnvironmentName) -> None:
        """Forget a name and its image."""
        before = self.environment(name)
        self._note_if_moved(before, None)
        self._use_environment(before, -1)
        self._delete(ENVIRONMENTS, text_key(name.text))
        self._delete(IMAGES, text_key(name.text))

    def _note_if_moved(self, before: EnvironmentRecord | None, to: SpecDigest | None) -> None:
        if before and before.shown and before.shown != to:
            self.moved.add(before.name)

    def put_build(self, record: BuildRecord) -> None:
        """Add or replace."""
        before = self.build(record.digest)
        if before:
            self._forget(before)
        self._put(BUILDS, digest_key(record.digest), encode_build(record))
        if record.state in ACTIVE_STATES:
            self._put(QUEUE, sequence_key(record.sequence), digest_key(record.digest))
        self._mark(record.build, _mark_of(record))
        self._count(record.state, 1)
        self._use_build(record, 1)
        self._note_change(before, record)

    def _note_change(self, before: BuildRecord | None, after: BuildRecord) -> None:
        kind = kind_of(before.state if before else None, after.state)
        if kind is None:
            return
        # A build that is published has no tries any more; how many it took is news.
        tried = before if before and kind is EventKind.PUBLISHED else after
        self.note(
            kind,
            after.name,
            after.digest,
            generation=after.generation,
            attempts=tried.attempts,
            detail=detail_of(kind, after),
        )

    def note(  # noqa: PLR0913 - an event has many sides
        self,
        kind: EventKind,
        name: EnvironmentName | None,
        digest: SpecDigest | None = None,
        *,
        generation: int = 0,
        attempts: int = 0,
        detail: str = "",
    ) -> None:
        """Tell the journal. Changes of builds and names tell it by themselves; this is for what changes none."""
        who, number = self.author, self.last_event() + 1
        event = EventRecord(number, self.now, kind, name, digest, generation, attempts, who.uid, who.behalf, detail)
        self._put(EVENTS, sequence_key(number), encode_event(event))
        if name:
            self._put(EVENTS_OF, event_key(name.text, number), b"")
        self._forget_events(number - MOST_EVENTS)

    def _forget_events(self, until: int) -> None:
        """Of the events up to that number, forget the oldest two: one for the one that came, one for what is behind."""
        if until <= 0:
            return
        oldest = list(takewhile(lambda row: key_sequence(row[0]) <= until, islice(self._items(EVENTS), 2)))
        for key, value in oldest:
            self._delete(EVENTS, key)
            if name := event_name(value):
                self._delete(EVENTS_OF, event_key(name, key_sequence(key)))

    def remove_build(self, digest: SpecDigest) -> None:
        """Forget a build and its specification."""
        if record := self.build(digest):
            self._forget(record)
            self._delete(BUILDS, digest_key(digest))
            self._mark(record.build, None)
        self._delete(SPECIFICATIONS, digest_key(digest))

    def _forget(self, record: BuildRecord) -> None:
        """Take back what follows from the state of a build."""
        if record.state in ACTIVE_STATES:
            self._delete(QUEUE, sequence_key(record.sequence))
        if record.state is BuildState.READY:
            self.moved.add(record.build)  # or not: forgetting too much does no harm
        self._count(record.state, -1)
        self._use_build(record, -1)

    def _mark(self, build: BuildName, mark: int | None) -> None:
        """Set or remove the mark of a build among those of its name."""
        key = text_key(build.name.text)
        value = with_mark(self._get(BUILDS_OF, key) or b"", digest_key(build.digest), mark)
        if value:
            self._put(BUILDS_OF, key, value)
        else:
            self._delete(BUILDS_OF, key)

    def _count(self, state: BuildState, step: int) -> None:
        key = b"count." + state.encode()
        self._put(META, key, encode_number(decode_number(self._get(META, key)) + step))

    def _use_environment(self, record: EnvironmentRecord | None, step: int) -> None:
        if record and not record.is_retired:
            used = self.usage(record.owner_uid)
            self.put_usage(replace(used, environments=max(0, used.environments + step)))

    def _use_build(self, record: BuildRecord, step: int) -> None:
        if record.state is BuildState.READY:
            used = self.usage(record.owner_uid)
            self.put_usage(replace(used, own_bytes=max(0, used.own_bytes + step * record.own_bytes)))

    def put_usage(self, record: UsageRecord) -> None:
        """Set what a user has. Changes of environments and builds do it by themselves."""
        self._put(USAGE, user_key(record.uid), encode_usage(record))

    def put_specification(self, digest: SpecDigest, canonical: bytes) -> None:
        """Keep the canonical bytes of a build."""
        self._put(SPECIFICATIONS, digest_key(digest), canonical)

    def put_image(self, name: EnvironmentName, settings: ImageSettings) -> None:
        """Set or replace what a name says of its container image; nothing is kept of the default."""
        if settings == DEFAULT_IMAGE:
            self._delete(IMAGES, text_key(name.text))
        else:
            self._put(IMAGES, text_key(name.text), encode_image(settings))

    def put_layer_digest(self, key: bytes, digest: bytes) -> None:
        """Remember the SHA-256 of a layer; both are 32 raw bytes."""
        self._put(LAYERS, key, digest)

    def put_pin(self, record: PinRecord) -> None:
        """Add or replace."""
        self._put(PINS, text_key(record.label), encode_pin(record))

    def remove_pin(self, label: str) -> None:
        """Forget a pin."""
        self._delete(PINS, text_key(label))

    def put_file(self, record: FileRecord) -> None:
        """Add or replace."""
        self._put(FILES, text_key(record.file_name), encode_file(record))

    def remove_file(self, file_name: str) -> None:
        """Forget a file."""
        self._delete(FILES, text_key(file_name))


def _mark_of(record: BuildRecord) -> int:
    if record.state is BuildState.READY:
        return record.generation
    return ACTIVE_MARK if record.state in ACTIVE_STATES else 0


def _next_moment(before: float, now: float) -> float:
    """When a name moves: another whole second than the last time, as that is all that direnv and others compare."""
    return max(now, math.floor(before) + 1)
