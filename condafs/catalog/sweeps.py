"""Looks at a whole table of the catalog: one pass, and nothing decoded that was not asked for.

A large catalog has 100,000 builds, and a record made of each takes a second: at the start, in lists and in what looks
for damage that is too long. What is asked of one record at a time is in `reader`.
"""

from collections.abc import Callable, Iterable, Iterator
from types import TracebackType
from typing import Self

from condafs.catalog.encoding import (
    ACTIVE_MARK,
    VISIBLE,
    check_build,
    check_event,
    decode_cost,
    decode_file_owner,
    decode_marks,
    decode_owner,
    decode_stamp,
    is_retired,
)
from condafs.catalog.keys import key_text, text_key
from condafs.catalog.records import BuildState
from condafs.catalog.schema import BUILDS, BUILDS_OF, ENVIRONMENTS, EVENTS, FILES, MAX_KEY_BYTES, SPECIFICATIONS
from condafs.catalog.tables import Handles, RawTransaction, items_from, keys_from

DIGEST_LENGTH = 64
"""Hex digits of a digest, before the dash of a build's name."""


class Sweeps:
    """A read transaction, as far as it goes through tables.

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

    def names_in_use(self) -> Iterator[str]:
        """Names of all environments that are not retired. Nothing else is decoded."""
        return (key.decode() for key, value in self._items(ENVIRONMENTS) if not is_retired(value))

    def visible_names(self, after: str = "") -> Iterator[str]:
        """Names that have a current build and are not retired: what `/envs` shows. Nothing else is decoded."""
        return (key.decode() for key, value in self._items(ENVIRONMENTS, behind(after)) if value[0] == VISIBLE)

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

    def file_stamps(self) -> Iterator[tuple[str, tuple[int, int]]]:
        """(file name, (size_bytes, mtime_ns)), to tell unchanged files without decoding more."""
        return ((key_text(key), decode_stamp(value)) for key, value in self._items(FILES))

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


def behind(text: str) -> bytes:
    """The first key that can sort behind a text's: LMDB compares bytes, and no name holds a NUL."""
    return text_key(text) + b"\0"
