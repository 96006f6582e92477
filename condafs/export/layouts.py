"""Indexes on disk, one directory a build: made once, by a process of its own, mapped by whoever reads.

Layout of `<state>/exports/<sha256>-<name>/`::

    tar       index of `.tar`
    layers    index of all layers, one after the other; its notes say where each is

They follow from the sealed prefix: who removes them only makes the next reader wait for a moment.
"""

import logging
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import trio

from condafs.errors import MachineError
from condafs.export.facts import LaidOut
from condafs.export.index import Index
from condafs.export.pool import Archive
from condafs.export.workshop import Job
from condafs.journal import about
from condafs.names import BuildName

logger = logging.getLogger(__name__)


AT_A_TIME = 4
"""Processes; a listing may ask for thousands."""


class Layouts:
    """Makes indexes, one at a time in the background, and at once for who waits.

    Args:
        builds: Directory of the sealed prefixes.
        exports: Directory of the indexes.
        nursery: Work goes on in it when who asked has gone.
    """

    def __init__(self, builds: Path, exports: Path, nursery: trio.Nursery) -> None:
        self._builds = builds
        self._exports = exports
        self._nursery = nursery
        self._jobs: dict[BuildName, Job] = {}
        self._limiter = trio.CapacityLimiter(AT_A_TIME)

    def directory(self, build: BuildName) -> Path:
        """Where the indexes of a build are, or will be."""
        return self._exports / str(build)

    def begin(self, build: BuildName) -> Job:
        """Have the indexes of a build made, in the background."""
        job = self._jobs.get(build)
        if job is None:
            job = self._jobs[build] = Job()
            self._nursery.start_soon(self._make, build, job)
        return job

    async def open(self, build: BuildName, sort: str) -> Archive:
        """What is laid out; made first when there is none, or one of another version.

        Args:
            build: Published.
            sort: `TAR` or `LAYERS` of `index`.

        Raises:
            MachineError: It cannot be made.
        """
        path = self.directory(build) / sort
        prefix = self._builds / str(build)
        try:
            return Archive(path, prefix)
        except FileNotFoundError:
            pass
        except OSError as error:
            msg = f"{build} cannot be exported: {error.strerror}"
            raise MachineError(msg) from None
        except ValueError as error:
            logger.info("%s: its index is made anew: %s", build, error, extra=about(build))
            await trio.to_thread.run_sync(self.remove, build)
        await self.begin(build).wait()
        try:
            return Archive(path, prefix)
        except (OSError, ValueError) as error:
            msg = f"{build} cannot be exported: {error}"
            raise MachineError(msg) from None

    async def settle(self, build: BuildName) -> None:
        """Wait until nothing is being made for a build."""
        if job := self._jobs.get(build):
            await job.done.wait()

    def sweep(self, is_ready: Callable[[str], bool]) -> None:
        """Remove what a crash left, and the layers of bases, which are laid out anew. Blocking; before anybody reads.

        Args:
            is_ready: Whether a text is the name of a published build.
        """
        try:
            names = os.listdir(self._exports)  # noqa: PTH208 - a generator of paths would be made of it
        except FileNotFoundError:
            return
        for name in names:
            if not is_ready(name):
                shutil.rmtree(self._exports / name, ignore_errors=True)

    def remove(self, build: BuildName) -> None:
        """Remove the indexes of a build. Blocking. Who has them open reads on."""
        shutil.rmtree(self.directory(build), ignore_errors=True)

    async def _make(self, build: BuildName, job: Job) -> None:
        arguments = ["layout", str(self._builds / str(build)), build.name.text, str(self.directory(build))]
        try:
            async with self._limiter, job.process(arguments):
                pass
            job.finish()
        except MachineError as error:
            job.finish(MachineError(f"{build} cannot be exported: {error}"))
        finally:
            del self._jobs[build]
            job.done.set()


def read_layers(path: Path) -> list[LaidOut]:
    """The layers of an index, the lowest first.

    Raises:
        OSError, ValueError: There is no such index.
    """
    with path.open("rb") as file:
        return [LaidOut(**layer) for layer in Index(file.fileno()).notes["layers"]]
