"""Files whose content is computed when they are opened: one reader sees one moment, whole."""

import stat
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from condafs.tree.node import Attributes, File, Handle

_NANOSECONDS = 10**9


@dataclass(frozen=True, slots=True)
class Document:
    """A computed text and what stat says of it."""

    content: bytes
    uid: int = 0
    gid: int = 0
    moment: float = 0
    permissions: int = 0o444


class TextHandle(Handle):
    """The text of the moment of opening."""

    __slots__ = ("_content",)
    is_snapshot = True

    def __init__(self, content: bytes) -> None:
        self._content = content

    async def read(self, offset: int, size: int) -> bytes:
        """A part of the text."""
        return self._content[offset : offset + size]


class TextFile(File):
    """A read-only file with a computed text.

    Args:
        key: Identity.
        compute: The document now; raises FileNotFoundError when the file is gone.
        settle: Waits until what was asked for before the opening shows in the document.
    """

    __slots__ = ("_compute", "_key", "_settle")

    def __init__(self, key: bytes, compute: Callable[[], Document], settle: Callable[[], Awaitable[None]]) -> None:
        self._key = key
        self._compute = compute
        self._settle = settle

    @property
    def key(self) -> bytes:
        """As given."""
        return self._key

    def attributes(self) -> Attributes:
        """The size is that of the text now; tools such as `wc -c` believe it."""
        document = self._compute()
        when = int(document.moment * _NANOSECONDS)
        size = len(document.content)
        return Attributes(
            stat.S_IFREG | document.permissions,
            document.uid,
            document.gid,
            size,
            1,
            when,
            when,
            when,
            disk_bytes=(size + 511) & ~511,
        )

    async def open_to_read(self) -> TextHandle:
        """The text of this moment."""
        await self._settle()
        return TextHandle(self._compute().content)
