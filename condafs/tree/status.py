"""`.status`: one YAML text for each environment, retired ones too. `status_text` writes it."""

import errno
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Protocol

import trio

from condafs.catalog.records import BuildRecord, EnvironmentRecord
from condafs.errors import InvalidNameError
from condafs.names import BuildName, EnvironmentName
from condafs.prefix.marker import read_marker
from condafs.tree.node import Attributes, Directory, Ownership, refuse
from condafs.tree.quota import QUOTA
from condafs.tree.sources import Catalog, ExportSource, ProgressSource
from condafs.tree.status_text import Limits, Story, describe, render
from condafs.tree.text import Document, TextFile


class Files(Protocol):
    """What the texts depend on in `.specs`."""

    async def settled(self, *names: str) -> None:
        """Files closed before now are submitted; these, or all."""
        ...

    def is_for_all(self, file_name: str, /) -> bool:
        """Whether everybody may read that file."""
        ...


class StatusFile(TextFile):
    """`.status/foo`."""

    __slots__ = ("_directory", "_name")

    def __init__(self, directory: "StatusDirectory", name: str) -> None:
        self._directory = directory
        self._name = name

    @property
    def key(self) -> bytes:
        """The environment."""
        return b"status:" + self._name.encode(errors="surrogateescape")

    def document(self) -> Document:
        """What is known now."""
        return self._directory.document(self._name)

    async def settle(self) -> None:
        """Files that may describe it are submitted."""
        await self._directory.settle(self._name)


class StatusDirectory(Directory):
    """`.status`.

    Args:
        catalog, progress, exports: The rest of the house.
        limits: Settings that the text tells.
        ownership: Of the directory.
        files: The files of `.specs`. They are submitted before a text is made of them, so that who closes one and then
            reads here finds it.
        quota: The directory of that name, which is not listed.
    """

    __slots__ = ("_catalog", "_exports", "_files", "_limits", "_ownership", "_progress", "_quota")

    def __init__(  # noqa: PLR0913, PLR0917 - the texts tell of all the house
        self,
        catalog: Catalog,
        progress: ProgressSource,
        exports: ExportSource,
        limits: Limits,
        ownership: Ownership,
        files: Files,
        quota: Directory,
    ) -> None:
        self._quota = quota
        self._catalog = catalog
        self._progress = progress
        self._exports = exports
        self._limits = limits
        self._ownership = ownership
        self._files = files

    @property
    def key(self) -> bytes:
        """The one status directory."""
        return b"status"

    def attributes(self) -> Attributes:
        """Readable by all."""
        return self._ownership.directory()

    async def child(self, name: str) -> TextFile | Directory | None:
        """The status of the environment of that name, or what users may have."""
        if name == QUOTA:
            return self._quota
        await self.settle(name)
        return self.listed(name) if self._find(name) else None

    def listed(self, name: str) -> StatusFile:
        """The file, whether or not the environment exists."""
        return StatusFile(self, name)

    async def names(self) -> Sequence[str]:
        """All environments."""
        await self._files.settled()
        return await trio.to_thread.run_sync(self._names)

    def _names(self) -> list[str]:
        with self._catalog.snapshot() as snapshot:
            return list(snapshot.environment_names())

    async def settle(self, name: str) -> None:
        """While a file claims a name, no other file can; of a name that none claims, any file may turn out to be it."""
        environment = self._find(name)
        claiming = [environment.file_name] if environment and environment.file_name else []
        await self._files.settled(*claiming)
        await self._catalog.settled()  # whoever reads of a build finds the name leading there

    def _find(self, name: str) -> EnvironmentRecord | None:
        try:
            environment = EnvironmentName(name)
        except InvalidNameError:
            return None
        with self._catalog.snapshot() as snapshot:
            return snapshot.environment(environment)

    def _sandbox(self, record: BuildRecord | None) -> str:
        """As the build itself has it; builds that are older than sandboxes say nothing."""
        with suppress(OSError, ValueError, TypeError):  # damaged, or a newer program's
            marker = read_marker(self._limits.builds / str(record.build)) if record else None
            return marker.sandbox if marker else ""
        return ""

    def document(self, name: str) -> Document:
        """The status of an environment now; FileNotFoundError when there is none."""
        with self._catalog.snapshot() as snapshot:
            environment = snapshot.environment(EnvironmentName(name))
            if environment is None:
                refuse(errno.ENOENT, name)
            wanted = snapshot.build(environment.wanted)
            current = snapshot.build(environment.current) if environment.current else None
            file = snapshot.file(environment.file_name) if environment.file_name else None
            ready = dict(snapshot.ready_digests(environment.name))
            pins = {
                pin.label: BuildName(pin.digest, environment.name) for pin in snapshot.pins() if pin.digest in ready
            }
        progress = self._progress.progress(environment.wanted)
        if file and file.refusal and not self._files.is_for_all(file.file_name):
            file = replace(file, refusal=f"see .specs/{file.file_name}.error\n")
        story = Story(
            environment, current, wanted, progress, file=file, generations=len(ready), sandbox=self._sandbox(current)
        )
        obstacle = self._progress.obstacle(environment.wanted)
        story = replace(story, obstacle=obstacle, pins=pins, open_exports=self._exports.count_open(environment.name))
        moment = max([environment.moved] + [record.submitted for record in (current, wanted) if record])
        return Document(render(describe(story, self._limits)).encode(), environment.owner_uid, 0, moment)
