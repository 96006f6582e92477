"""Files whose content is computed when they are opened: one reader sees one moment, whole."""

import stat
from dataclasses import dataclass

from condafs.tree.node import Attributes, File, Handle, Opened

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

    @property
    def content(self) -> bytes:
        """The text."""
        return self._content

    async def read(self, offset: int, size: int) -> bytes:
        """A part of the text."""
        return self._content[offset : offset + size]


_LISTED = Attributes(stat.S_IFREG | 0o444)


class TextFile(File):
    """A read-only file with a computed text."""

    __slots__ = ()

    def document(self) -> Document:
        """The document now; FileNotFoundError when the file is gone."""
        raise NotImplementedError

    async def settle(self) -> None:
        """Wait until what was asked for before now shows in the document."""
        raise NotImplementedError

    def attributes(self) -> Attributes:
        """The size is that of the text now; tools such as `wc -c` believe it."""
        document = self.document()
        when = int(document.moment * _NANOSECONDS)
        size = len(document.content)
        mode = stat.S_IFREG | document.permissions
        return Attributes(mode, document.uid, document.gid, size, 1, when, when, when, disk_bytes=(size + 511) & ~511)

    def listed_attributes(self) -> Attributes:
        """A regular file."""
        return _LISTED

    async def open_to_read(self) -> TextHandle:
        """The text of this moment."""
        await self.settle()
        return TextHandle(self.document().content)

    async def reopen(self, opened: Opened) -> Handle:
        """The text of that moment, where it was kept."""
        return await super().reopen(opened) if opened.content is None else TextHandle(opened.content)
