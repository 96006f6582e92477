"""From a key to its node: the inverse of `Node.key`, for who knows of nodes from another process.

Keys say what a node is, so a node can be made of its key alone. In `.specs` they are those of the files underneath:
there all files are looked through, once.
"""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import replace
from typing import Any, TypeAlias

from condafs.errors import CondafsError
from condafs.export.exports import Format
from condafs.export.index import TAR
from condafs.names import BuildName
from condafs.tree.exports import ExportsDirectory
from condafs.tree.history import HistoryDirectory
from condafs.tree.links import ReferenceLink
from condafs.tree.node import Directory, Node
from condafs.tree.passing import PassingLink, PassingLinks
from condafs.tree.quota import QuotaDirectory
from condafs.tree.root import Root
from condafs.tree.specs.backing import key_of
from condafs.tree.specs.top import SpecsDirectory

_Finder: TypeAlias = Callable[[str], Coroutine[Any, Any, Node | None]]


class Recall:
    """Makes nodes of keys.

    Args:
        root: All of the tree.
        specs, exports, history, quota, passing: Parts of it.
        directories: The dot directories at the top, the first three too, by name.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - all of the tree
        self,
        root: Root,
        specs: SpecsDirectory,
        exports: ExportsDirectory,
        history: HistoryDirectory,
        quota: QuotaDirectory,
        passing: PassingLinks,
        directories: Mapping[str, Directory],
    ) -> None:
        self._root = root
        self._specs = specs
        self._exports = exports
        self._history = history
        self._quota = quota
        self._passing_links = passing
        self._directories = directories
        self._single = {node.key: node for node in (root, quota, *directories.values())}
        self._files: dict[bytes, Node] = {}
        self._finders: Mapping[str, _Finder] = {
            "env": self._in_root,
            "build": self._in_root,
            "at": self._reference,
            "passing": self._passing,
            "status": self._status,
            "quota": self._quota_of,
            "pin": self._pin,
            "log": self._log,
            "history": self._generations,
            "events": self._events,
            "generation": self._generation,
            "refusal": self._refusal,
            "export": self._export,
            "export-name": self._export_name,
        }

    async def node(self, key: bytes) -> Node | None:
        """The node of a key; None when there is no such thing any more."""
        if key in self._single:
            return self._single[key]
        tag, _, rest = key.decode(errors="surrogateescape").partition(":")
        if tag == "specs":
            return self._file(key)
        finder = self._finders.get(tag)
        try:
            return await finder(rest) if finder else None
        except (CondafsError, OSError, ValueError):
            return None

    def _file(self, key: bytes) -> Node | None:
        if not self._files:
            self._files = {key_of(node.identity): node for node in self._specs.everything()}
        return self._files.get(key)

    async def _in_root(self, name: str) -> Node | None:
        return self._root.listed(name)

    async def _reference(self, rest: str) -> Node | None:
        name, _, meant = rest.rpartition(":")
        link = self._root.listed(name)
        return replace(link, meant=meant) if isinstance(link, ReferenceLink) else None

    async def _passing(self, rest: str) -> Node | None:
        return self._passing_links.recall(PassingLink.decode(rest))

    async def _status(self, name: str) -> Node | None:
        return self._directories[".status"].listed(name)

    async def _quota_of(self, uid: str) -> Node | None:
        return self._quota.listed(uid)

    async def _pin(self, label: str) -> Node | None:
        return self._directories[".pins"].listed(label)

    async def _log(self, build: str) -> Node | None:
        return self._directories[".logs"].listed(f"{build}.log")

    async def _generations(self, name: str) -> Node | None:
        return self._history.listed(name)

    async def _events(self, name: str) -> Node | None:
        return self._history.listed(name).events

    async def _generation(self, rest: str) -> Node | None:
        name, _, link = rest.partition("/")
        return self._history.listed(name).listed(link)

    async def _refusal(self, file_name: str) -> Node | None:
        return self._specs.listed(f"{file_name}.error")

    async def _export(self, rest: str) -> Node | None:
        text, _, identity = rest.partition(":")
        return await self._exports.recall(BuildName.parse(text), Format.TAR if identity == TAR else Format.OCI)

    async def _export_name(self, name: str) -> Node | None:
        return self._exports.listed(name)
