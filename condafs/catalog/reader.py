"""The catalog at one moment: questions, answered from LMDB's memory map without a copy of it in Python.

Iterators are lazy and end with the snapshot. A snapshot is opened in a microsecond and must not be held across an
await: while it is open, LMDB reuses none of the pages that were freed since. What goes through whole tables is in
`sweeps`.
"""

from collections.abc import Iterator

from condafs.catalog.encoding import (
    ACTIVE_MARK,
    decode_build,
    decode_environment,
    decode_event,
    decode_file,
    decode_image,
    decode_marks,
    decode_number,
    decode_pin,
    decode_usage,
)
from condafs.catalog.events import EventRecord
from condafs.catalog.keys import (
    digest_key,
    event_key,
    events_key,
    key_digest,
    key_sequence,
    key_text,
    sequence_key,
    text_key,
    user_key,
)
from condafs.catalog.records import BuildRecord, BuildState, EnvironmentRecord, FileRecord, PinRecord, UsageRecord
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
    PINS,
    QUEUE,
    SPECIFICATIONS,
    USAGE,
)
from condafs.catalog.sweeps import DIGEST_LENGTH, Sweeps, behind
from condafs.catalog.tables import last_key
from condafs.names import BUILD, EnvironmentName, SpecDigest
from condafs.spec.image import ImageSettings


class Snapshot(Sweeps):
    """A read transaction."""

    __slots__ = ()

    def environment(self, name: EnvironmentName) -> EnvironmentRecord | None:
        """One environment, retired or not."""
        value = self._get(ENVIRONMENTS, name.text.encode())
        return decode_environment(name, value) if value else None

    def environments(self, after: str = "") -> Iterator[EnvironmentRecord]:
        """All environments whose names sort behind `after`, by name (code points)."""
        for key, value in self._items(ENVIRONMENTS, behind(after)):
            yield decode_environment(EnvironmentName(key.decode()), value)

    def environment_names(self, after: str = "") -> Iterator[str]:
        """Their names only, retired ones too."""
        return map(bytes.decode, self._keys(ENVIRONMENTS, behind(after)))

    def build(self, digest: SpecDigest) -> BuildRecord | None:
        """One build; a digest belongs to one name, which it is a hash of."""
        value = self._get(BUILDS, digest_key(digest))
        return decode_build(digest, value) if value else None

    def builds(self, after: SpecDigest | None = None) -> Iterator[BuildRecord]:
        """All builds whose digests sort behind `after`, by digest."""
        for key, value in self._items(BUILDS, _behind_digest(after)):
            yield decode_build(key_digest(key), value)

    def build_beginning(self, hex_digits: str) -> BuildRecord | None:
        """The first build whose digest begins with these digits; at most 64."""
        start = bytes.fromhex(hex_digits.ljust(DIGEST_LENGTH, "0")) or b"\0"
        for key, value in self._items(BUILDS, start):
            found = key_digest(key)
            return decode_build(found, value) if found.hex.startswith(hex_digits) else None
        return None

    def builds_of(self, name: EnvironmentName) -> list[BuildRecord]:
        """All builds of an environment by generation, those without one last, in order of submission."""
        found = [self.build(key_digest(digest)) for digest, _ in self._marks(name)]
        return sorted((r for r in found if r), key=lambda r: (r.generation or float("inf"), r.sequence))

    def has_builds(self, name: EnvironmentName) -> bool:
        """Whether any build of an environment is known."""
        return next(self._marks(name), None) is not None

    def active_of(self, name: EnvironmentName) -> list[BuildRecord]:
        """Builds of an environment that the daemon has work with, in order of submission."""
        found = [self.build(key_digest(digest)) for digest, mark in self._marks(name) if mark == ACTIVE_MARK]
        return sorted((r for r in found if r), key=lambda r: r.sequence)

    def ready_digests(self, name: EnvironmentName, prefix: str = "") -> list[tuple[SpecDigest, int]]:
        """(digest, generation) of the READY builds whose hex digest begins with `prefix`, by digest."""
        found = ((digest.hex(), mark) for digest, mark in self._marks(name) if 0 < mark < ACTIVE_MARK)
        return [(SpecDigest(text), generation) for text, generation in found if text.startswith(prefix)]

    def _marks(self, name: EnvironmentName) -> Iterator[tuple[bytes, int]]:
        return self._marks_of(name.text)

    def _marks_of(self, name: str) -> Iterator[tuple[bytes, int]]:
        """(digest, mark) of each build of a name, by digest."""
        return decode_marks(self._get(BUILDS_OF, text_key(name)))

    def is_ready(self, build: str) -> bool:
        """Whether a text is the name of a READY build."""
        if not (match := BUILD.fullmatch(build)):
            return False
        marks = dict(self._marks_of(match[2]))
        return 0 < marks.get(bytes.fromhex(match[1]), 0) < ACTIVE_MARK

    def active(self) -> Iterator[BuildRecord]:
        """Builds that the daemon has work with (ACTIVE_STATES), in order of submission."""
        for _, value in self._items(QUEUE):
            if record := self.build(key_digest(value)):
                yield record

    def specification(self, digest: SpecDigest) -> bytes | None:
        """Canonical bytes, of every build that is known."""
        return self._get(SPECIFICATIONS, digest_key(digest))

    def image(self, name: EnvironmentName) -> ImageSettings:
        """What the latest accepted document of an environment says of its container image."""
        return decode_image(self._get(IMAGES, text_key(name.text)))

    def layer_digest(self, key: bytes) -> bytes | None:
        """SHA-256 (32 raw bytes) of the layer that is made of what a key (32 raw bytes) stands for, when remembered."""
        return self._get(LAYERS, key)

    def file(self, file_name: str) -> FileRecord | None:
        """What became of a file of `.specs`."""
        value = self._get(FILES, text_key(file_name))
        return decode_file(file_name, value) if value else None

    def files(self) -> Iterator[FileRecord]:
        """What became of all of them, by file name."""
        for key, value in self._items(FILES):
            yield decode_file(key_text(key), value)

    def pin(self, label: str) -> PinRecord | None:
        """The pin of that label."""
        value = self._get(PINS, text_key(label))
        return decode_pin(label, value) if value else None

    def pins(self) -> Iterator[PinRecord]:
        """All pins, by label."""
        for key, value in self._items(PINS):
            yield decode_pin(key_text(key), value)

    def events(self, after: int = 0) -> Iterator[EventRecord]:
        """What happened, in order, behind the event of that number. `first_event` tells whether any of them is gone."""
        for key, value in self._items(EVENTS, sequence_key(after + 1)):
            if event := decode_event(key_sequence(key), value):
                yield event

    def events_of(self, name: EnvironmentName, after: int = 0) -> Iterator[EventRecord]:
        """What happened to one environment, in order, behind the event of that number."""
        beginning = events_key(name.text)
        for key in self._keys(EVENTS_OF, event_key(name.text, after + 1)):
            if not key.startswith(beginning):
                return
            number = key_sequence(key)
            value = self._get(EVENTS, sequence_key(number))
            if value and (event := decode_event(number, value)):
                yield event

    def first_event(self) -> int:
        """The number of the oldest event that is remembered; 0 when nothing ever happened."""
        return next(map(key_sequence, self._keys(EVENTS)), 0)

    def last_event(self) -> int:
        """The number of the newest event; 0 when nothing ever happened."""
        handle = self._handles.get(EVENTS)
        key = last_key(self._raw, handle) if handle is not None else None
        return key_sequence(key) if key else 0

    def usage(self, uid: int) -> UsageRecord:
        """What a user has; kept, not counted."""
        key = user_key(uid)
        value = self._get(USAGE, key)
        return decode_usage(key, value) if value else UsageRecord(uid)

    def usages(self) -> Iterator[UsageRecord]:
        """What every user has who ever had anything, by user id."""
        for key, value in self._items(USAGE):
            yield decode_usage(key, value)

    def count_by_state(self) -> dict[BuildState, int]:
        """How many builds are in each state; kept, not counted."""
        return {state: decode_number(self._get(META, b"count." + state.encode())) for state in BuildState}

    @property
    def rebuilt(self) -> float:
        """Unix seconds when the catalog was put together from what its loss had left; 0: it never was."""
        return float(decode_number(self._get(META, b"rebuilt")))


def _behind_digest(digest: SpecDigest | None) -> bytes:
    return digest_key(digest) + b"\0" if digest else b"\0"
