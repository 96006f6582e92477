"""Where a build runs: here, in a process of its own. The scheduler knows nothing else of the builder.

Another machine would be another `Runner`: it carries a request there and events back.
"""

import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

import trio

from condafs.builder.child import Child, describe_death, start_child
from condafs.builder.conversation import follow_build, note_failure
from condafs.builder.leftovers import sweep_leftovers
from condafs.builder.protocol import BuildRequest, Ended, Failed, FailureKind, Progress, Succeeded
from condafs.builder.spare_builder import SpareBuilder
from condafs.prefix.seal import remove_prefix


class Runner(Protocol):
    """Runs builds."""

    async def run(
        self, request: BuildRequest, log: Path, on_progress: Callable[[Progress], None]
    ) -> Succeeded | Failed:
        """Build; the prefix is removed by the caller, before each try and after each failure.

        Args:
            request: What and where.
            log: Appended to.
            on_progress: Called in the event loop.
        """

    async def remove(self, prefix: Path) -> None:
        """Remove a prefix, sealed, half made or what is left of one; nothing happens when there is none.

        Not to be cancelled half way.

        Raises:
            OSError: It cannot be removed.
        """


async def remove_here(prefix: Path) -> None:
    """`Runner.remove` of who may do it himself."""
    await trio.to_thread.run_sync(remove_prefix, prefix)


def run_directly(arguments: Sequence[str]) -> Sequence[str]:
    """No sandbox."""
    return arguments


class LocalRunner:
    """Runs builds as child processes, each in a session of its own.

    Args:
        wrap: The seam for a sandbox: from the builder's command to the command that is run. Standard input, a Unix
            socket, and output have to reach the builder as they are.
        keeps_spare: Whether one idle builder is kept that has everything imported, about 40 MB: a small build is
            nearly twice as fast with it. `aclose` ends it.
        aside: Where a builder that succeeded is cleared away, and the next spare started, so that nobody waits for
            that; without it, `run` does it before it returns.
    """

    def __init__(
        self,
        wrap: Callable[[Sequence[str]], Sequence[str]] = run_directly,
        *,
        keeps_spare: bool = False,
        aside: trio.Nursery | None = None,
    ) -> None:
        self._wrap = wrap
        self._keeps_spare = keeps_spare
        self._aside = aside
        self._spare = SpareBuilder(self._start)

    async def run(
        self, request: BuildRequest, log: Path, on_progress: Callable[[Progress], None]
    ) -> Succeeded | Failed:
        """See `Runner`. Cancelling kills the builder and everything that it started, and waits for it.

        Raises:
            OSError: when the log cannot be written.
        """
        with log.open("ab", buffering=0) as output:
            try:
                child = await self._spare.take()
            except OSError as error:
                return note_failure(output, Failed(FailureKind.INTERNAL, f"the builder cannot be started: {error}"))
            outcome, aside = None, None
            try:
                assert child.process.stdout  # noqa: S101 - asked for
                outcome = await follow_build(child.line, child.process.stdout, request, output.fileno(), on_progress)
                # A builder that succeeded has ended all that it started before it said so.
                aside = self._aside if isinstance(outcome, Succeeded) else None
            finally:
                if aside is None:
                    with trio.CancelScope(shield=True):
                        await child.end()
                        if outcome is None:
                            await trio.to_thread.run_sync(sweep_leftovers, Path(request.packages))
            if outcome is None or isinstance(outcome, Ended):
                words = describe_death(child.process.returncode, "the builder", " (build-memory-bytes)")
                outcome = note_failure(output, Failed(FailureKind.KILLED, words))
        if aside:
            aside.start_soon(self._clear_away, child)
        else:
            await self.prepare()
        return outcome

    async def _clear_away(self, child: Child) -> None:
        with trio.CancelScope(shield=True):
            await child.end()
        await self.prepare()

    async def remove(self, prefix: Path) -> None:
        """See `Runner`."""
        await remove_here(prefix)

    async def prepare(self) -> None:
        """Start the spare, if there is to be one; the daemon may do that before the first build."""
        if self._keeps_spare:
            await self._spare.prepare()

    async def aclose(self) -> None:
        """End the spare."""
        await self._spare.aclose()

    async def _start(self) -> Child:
        return await start_child(self._wrap([sys.executable, "-P", "-m", "condafs.builder"]))
