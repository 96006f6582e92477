"""An open directory, and how thousands of its entries are told in a hurry.

pyfuse3 knows READDIRPLUS alone: every entry comes with attributes and counts as looked up. Attributes of computed
links cost a look into the catalog each, so a listing makes them up, right in type only, and lets them live for no
time: whoever asks for a name gets a look-up, which tells the truth.
"""

from collections.abc import Sequence

import pyfuse3

from condafs.filesystem.encode import encode_attributes, encode_name
from condafs.filesystem.inodes import Inodes
from condafs.tree.node import Directory, Lifetimes, Node

_FOR_NO_TIME = Lifetimes()


class Listing:
    """An open directory.

    Args:
        directory: What is listed.
        inodes: Numbers its nodes.
    """

    __slots__ = ("_inodes", "_names", "_shared", "directory")

    def __init__(self, directory: Directory, inodes: Inodes) -> None:
        self.directory = directory
        self._inodes = inodes
        self._names: Sequence[str] | None = None  # not read yet, by this process
        self._shared: dict[int, pyfuse3.EntryAttributes] = {}

    async def reply(self, start: int, token: pyfuse3.ReaddirToken) -> None:
        """Answer with as many names as fit, from a position on. Position 0 reads them anew, as rewinddir(3) wants."""
        if start == 0 or self._names is None:
            self._names = await self.directory.names()
        names, listed, remember = self._names, self.directory.listed, self._inodes.remember
        for position in range(start, len(names)):
            node = listed(names[position])
            entry = self._entry(node) if node else None
            if node is None or entry is None:
                continue  # removed since the names were read
            if not pyfuse3.readdir_reply(token, encode_name(names[position]), entry, position + 1):
                break
            remember(node, entry.st_ino)
        self._inodes.flush()

    def _entry(self, node: Node) -> pyfuse3.EntryAttributes | None:
        attributes = node.listed_attributes()
        if attributes is None:
            try:
                return encode_attributes(self._inodes.peek(node), node.attributes(), node.lifetimes)
            except FileNotFoundError:
                return None
        entry = self._shared.get(attributes.mode)
        if entry is None:
            entry = self._shared[attributes.mode] = encode_attributes(0, attributes, _FOR_NO_TIME)
        entry.st_ino = self._inodes.peek(node)
        return entry
