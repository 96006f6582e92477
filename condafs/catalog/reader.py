"""The catalog at one moment: questions, answered from LMDB's memory map without a copy of it in Python.

Iterators are lazy and end with the snapshot. A snapshot is opened in a microsecond and must not be held across an
await: while it is open, LMDB reuses none of the pages that were freed since.
"""

from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Self

from condafs.catalog.encoding import (
    ACTIVE_MARK,
    VISIBLE,
    check_build,
    check_event,
    decode_build,
    decode_cost,
    decode_environment,
    decode_event,
    decode_file,
    decode_file_owner,
    decode_image,
    decode_marks,
    decode_number,
    decode_owner,
    decode_pin,
    decode_stamp,
    decode_usage,
    is_retired,
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
    MAX_KEY_BYTES,
    META,
    PINS,
    QUEUE,
    SPECIFICATIONS,
    USAGE,
)
from condafs.catalog.tables import Handles, RawTransaction, items_from, keys_from, last_key
from condafs.names import BUILD, EnvironmentName, SpecDigest
from condafs.spec.image import ImageSettings

DIGEST_LENGTH = 64
"""Hex digits of a digest, before the dash of a build's name."""


class Snapshot:
    """A read transaction.

    Args:
        raw: LMDB's.
        handles: Tables.
        close: Ends it.
    """

    __slots__ = ("_close", "_handles", "_raw")

    def __init__(self, raw: RawTransaction, handles: Handles, close: Callable[[], None]) -> None:
        self._raw = raw
        self._handles = handles
        self._close = close

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._close()

    def _get(self, table: bytes, key: bytes) -> bytes | None:
        # LMDB answers an empty or too long key with an error: nothing is stored under one.
        handle = self._handles.get(table)
        return self._raw.get(key, db=handle) if handle is not None and 0 < len(key) <= MAX_KEY_BYTES else None

    def _keys(self, table: bytes, start: bytes = b"\0") -> Iterator[bytes]:
        handle = self._handles.get(table)
        return keys_from(self._raw, handle, start[:MAX_KEY_BYTES]) if handle is not None else iter(())

    def _items(self, table: bytes, start: bytes = b"\0") -> Iterator[tuple[bytes, bytes]]:
        handle = self._handles.get(table)
        return items_from(self._raw, handle, start[:MAX_KEY_BYTES]) if handle is not None else iter(())

    @property
    def version(self) -> int:
        """The number of the last commit that it sees: snapshots of one version hold the same."""
        return self._raw.id()

    def environment(self, name: EnvironmentName) -> EnvironmentRecord | None:
        """One environment, retired or not."""
        value = self._get(ENVIRONMENTS, name.text.encode())
        return decode_environment(name, value) if value else None

    def environments(self, after: str = "") -> Iterator[EnvironmentRecord]:
        """All environments whose names sort behind `after`, by name (code points)."""
        for key, value in self._items(ENVIRONMENTS, _behind(after)):
            yield decode_environment(EnvironmentName(key.decode()), value)

    def environment_names(self, after: str = "") -> Iterator[str]:
        """Their names only, retired ones too."""
        return map(bytes.decode, self._keys(ENVIRONMENTS, _behind(after)))

    def names_in_use(self) -> Iterator[str]:
        """Names of all environments that are not retired. Nothing else is decoded."""
        return (key.decode() for key, value in self._items(ENVIRONMENTS) if not is_retired(value))

    def visible_names(self, after: str = "") -> Iterator[str]:
        """Names that have a current build and are not retired: what `/envs` shows. Nothing else is decoded."""
        return (key.decode() for key, value in self._items(ENVIRONMENTS, _behind(after)) if value[0] == VISIBLE)

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

    def ready_builds(self, after: str = "") -> Iterator[str]:
        """Names of the READY builds behind `after`, which need not exist any more, by name and digest."""
        after_digest, after_name = after[:DIGEST_LENGTH], after[DIGEST_LENGTH + 1 :]
        for key, value in self._items(BUILDS_OF, text_key(after_name) or b"\0"):
            name = key.decode()
            for digest, mark in decode_marks(value):
                if 0 < mark < ACTIVE_MARK and (name != after_name or digest.hex() > after_digest):
                    yield f"{digest.hex()}-{name}"

    def not_ready(self, texts: Iterable[str]) -> set[str]:
        """Those of many texts that are not the name of a READY build; for one, see `is_ready`."""
        return set(texts).difference(self.ready_builds())

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

    def file_stamps(self) -> Iterator[tuple[str, tuple[int, int]]]:
        """(file name, (size_bytes, mtime_ns)), to tell unchanged files without decoding more."""
        return ((key_text(key), decode_stamp(value)) for key, value in self._items(FILES))

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

    def checked_builds(self) -> Iterator[tuple[bytes, str, BuildState]]:
        """(digest as 32 raw bytes, name, state) of all builds, by digest, each of which can be decoded; see
        `check_build`.
        """  # noqa: D205 - one sentence
        return ((key, *check_build(value)) for key, value in self._items(BUILDS))

    def checked_events(self) -> Iterator[str]:
        """The name (perhaps "") of every event, each of which can be decoded; see `check_event`."""
        return (check_event(value) for _, value in self._items(EVENTS))

    def specified(self) -> Iterator[bytes]:
        """Digests (32 raw bytes) of which canonical bytes are known."""
        return self._keys(SPECIFICATIONS)

    def costs(self) -> Iterator[tuple[bytes, str, bool, int, int]]:
        """(digest as 32 raw bytes, name, whether it is READY, owner, own bytes) of all builds, and nothing else."""
        return ((key, *decode_cost(value)) for key, value in self._items(BUILDS))

    def owners(self) -> Iterator[tuple[str, int, bool]]:
        """(name, owner, whether it is retired) of all environments. Nothing else is decoded."""
        return ((key.decode(), *decode_owner(value)) for key, value in self._items(ENVIRONMENTS))

    def file_owners(self) -> Iterator[tuple[str, int]]:
        """(file name, owner) of all environments that are not retired. Nothing else is decoded."""
        return (decode_file_owner(value) for _, value in self._items(ENVIRONMENTS) if not is_retired(value))

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


def _behind(text: str) -> bytes:
    """The first key that can sort behind a text's: LMDB compares bytes, and no name holds a NUL."""
    return text_key(text) + b"\0"
