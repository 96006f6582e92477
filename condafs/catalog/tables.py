"""What readers and writers need of a store of sorted tables; `store` gives them LMDB's."""

from collections.abc import Iterator, Mapping
from typing import Any, Protocol


class RawCursor(Protocol):
    """A place in a table."""

    def set_range(self, key: bytes, /) -> bool:
        """Go to the first key not before this one; False when there is none."""
        ...

    def last(self) -> bool:
        """Go to the last key; False when there is none."""
        ...

    def key(self) -> bytes:
        """The key there."""
        ...

    def iternext(self, *, keys: bool = True, values: bool = True) -> Iterator[Any]:
        """From here on: keys, values, or pairs of both."""
        ...


class RawTransaction(Protocol):
    """One transaction; `db` is a table's handle."""

    def id(self) -> int:
        """Its number; of one that reads, that of the last commit it sees."""
        ...

    def get(self, key: bytes, *, db: Any) -> bytes | None:
        """One value."""
        ...

    def put(self, key: bytes, value: bytes, *, db: Any) -> bool:
        """Set one."""
        ...

    def delete(self, key: bytes, *, db: Any) -> bool:
        """Remove one."""
        ...

    def cursor(self, *, db: Any) -> RawCursor:
        """A place in the table, before its first key."""
        ...


Handles = Mapping[bytes, Any]
"""Table name -> handle; `schema.LATER_TABLES` may be missing where nothing is written."""


def keys_from(raw: RawTransaction, table: Any, start: bytes) -> Iterator[bytes]:
    """All keys not before `start`, in order."""
    cursor = raw.cursor(db=table)
    return cursor.iternext(values=False) if cursor.set_range(start) else iter(())


def items_from(raw: RawTransaction, table: Any, start: bytes) -> Iterator[tuple[bytes, bytes]]:
    """All (key, value) pairs with keys not before `start`, in order."""
    cursor = raw.cursor(db=table)
    return cursor.iternext() if cursor.set_range(start) else iter(())


def last_key(raw: RawTransaction, table: Any) -> bytes | None:
    """The last key of all; None when there is none."""
    cursor = raw.cursor(db=table)
    return cursor.key() if cursor.last() else None
