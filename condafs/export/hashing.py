"""Digests of layers: each hashed once, whatever environments have it, and remembered in the catalog."""

import logging
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import trio

from condafs.catalog.store import Catalog
from condafs.catalog.transaction import Transaction
from condafs.errors import CatalogError, DiskFullError, MachineError
from condafs.export.pool import Stretch
from condafs.export.workshop import Job

logger = logging.getLogger(__name__)

REMEMBERED = 20_000
"""Digests kept in memory; the catalog has all."""


@dataclass(frozen=True, slots=True)
class KeyedLayer:
    """A layer that is computed here.

    Attributes:
        key: 32 bytes that stand for its content; b"" for one whose digest is known from elsewhere.
        content: Where it is laid out.
    """

    key: bytes
    content: Stretch


class _Hashing(Job):
    """Layers of one index that are being hashed."""

    def __init__(self, layers: Sequence[KeyedLayer]) -> None:
        super().__init__()
        self.layers = layers
        self.news = trio.Event()


class Hashing:
    """Knows digests, or finds them out.

    Args:
        catalog: Where they are kept.
        nursery: Work goes on in it when who asked has gone.
    """

    def __init__(self, catalog: Catalog, nursery: trio.Nursery) -> None:
        self._catalog = catalog
        self._nursery = nursery
        self._known: OrderedDict[bytes, str] = OrderedDict()
        self._jobs: dict[Path, _Hashing] = {}

    def known(self, key: bytes) -> str | None:
        """A digest in hex, if it is known."""
        if digest := self._known.get(key):
            self._known.move_to_end(key)
            return digest
        with self._catalog.snapshot() as snapshot:
            found = snapshot.layer_digest(key)
        return self._remember(key, found.hex()) if found else None

    def begin(self, layers: Sequence[KeyedLayer]) -> list[Job]:
        """Have the layers hashed that are not known, in the background.

        Returns:
            Who is at work on any of them.
        """
        unknown: dict[Path, list[KeyedLayer]] = {}
        for layer in layers:
            if layer.key and self.known(layer.key) is None:
                unknown.setdefault(layer.content.archive.path, []).append(layer)
        for index, missing in unknown.items():
            if index not in self._jobs:
                self._jobs[index] = _Hashing(missing)
                self._nursery.start_soon(self._work, index, self._jobs[index])
        return [self._jobs[index] for index in unknown]

    async def wait(self, layers: Sequence[KeyedLayer], wanted: range) -> None:
        """Wait until the digests of some layers are known.

        Args:
            layers: All of an image; once it works, the others follow.
            wanted: Numbers of those that somebody waits for.

        Raises:
            MachineError: They cannot be hashed.
        """
        while missing := [layer for layer in layers[wanted.start : wanted.stop] if not self._is_known(layer)]:
            self.begin(layers)
            job = self._jobs[missing[0].content.archive.path]
            job.hurry()
            await job.news.wait()
            if job.error:
                raise MachineError(str(job.error))

    def _is_known(self, layer: KeyedLayer) -> bool:
        return not layer.key or self.known(layer.key) is not None

    async def _work(self, index: Path, job: _Hashing) -> None:
        try:
            parts = [f"{layer.content.offset},{layer.content.size_bytes}" for layer in job.layers]
            async with job.process(["digest", str(index), str(job.layers[0].content.archive.root), *parts]) as process:
                assert process.stdout is not None  # noqa: S101 - a pipe
                rest, number = b"", 0
                async for chunk in process.stdout:
                    *lines, rest = (rest + chunk).split(b"\n")
                    await self._take(job, number, [line.decode() for line in lines])
                    number += len(lines)
            job.finish()
        except MachineError as error:
            logger.warning("%s: layers cannot be hashed: %s", index.parent.name, error)
            job.finish(error)
        finally:
            del self._jobs[index]
            job.news.set()

    async def _take(self, job: _Hashing, first: int, digests: Sequence[str]) -> None:
        found = {job.layers[first + number].key: digest for number, digest in enumerate(digests)}
        for key, digest in found.items():
            self._remember(key, digest)
        news, job.news = job.news, trio.Event()
        news.set()

        def keep(transaction: Transaction) -> None:
            for key, digest in found.items():
                transaction.put_layer_digest(key, bytes.fromhex(digest))

        try:
            await self._catalog.write(keep)
        except (CatalogError, DiskFullError) as error:
            logger.warning("digests of layers are not kept: %s", error)

    def _remember(self, key: bytes, digest: str) -> str:
        self._known[key] = digest
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return digest
