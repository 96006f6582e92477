"""Builds in a unit of their own, as another user: systemd starts a builder for each connection to a Unix socket.

`condafs-build@.service` has the limits and the sandbox, `condafs-build.socket` with `Accept=yes` the socket. The
builder's standard input and output are the connection. systemd keeps its copy of it until the unit has ended with all
its processes (seen in an experiment, and in service_set_state() of its sources), so the end of the stream says that
nothing of the builder runs any more; and the unit's `ExecStopPost=` may say through it how it ended (`Ended`).

What the builder made belongs to its user, and so it removes it, too.
"""

import contextlib
import logging
import os
import select
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import trio

from condafs.builder.conversation import follow_build, note_failure, read_events, send
from condafs.builder.protocol import (
    BuildRequest,
    Ended,
    Failed,
    FailureKind,
    Progress,
    Removed,
    RemoveRequest,
    Succeeded,
)
from condafs.builder.spare_builder import SpareBuilder

logger = logging.getLogger(__name__)

SPARE_SECONDS = 1800
"""How old an idle builder may become: `RuntimeMaxSec=` of its unit counts from its start, a build needs its time."""

END_SECONDS = 60
"""How long the end of a unit is waited for; longer than `TimeoutStopSec=` lets it live when it was told to end."""

_DEATHS = {
    "oom-kill": "was killed because it needed more memory than there is (MemoryMax= of condafs-build@.service, or "
    "the machine's)",
    "timeout": "was killed because it ran too long (RuntimeMaxSec= of condafs-build@.service)",
    "watchdog": "was killed because it hung (WatchdogSec= of condafs-build@.service)",
    "signal": "was killed by SIG{status}; when nobody did that by hand, there was no memory left (MemoryMax= of "
    "condafs-build@.service, or the machine's; `dmesg` says so)",
    "core-dump": "was killed by SIG{status}; it may have reached its memory limit (build-memory-bytes)",
    "exit-code": "ended with status {status} without saying how it went",
}
"""What $SERVICE_RESULT means (systemd.exec(5)), as what became of the builder."""


@dataclass(frozen=True, slots=True)
class _Line:
    """A connection, and the builder behind it."""

    stream: trio.SocketStream
    began: float = field(default_factory=time.monotonic)

    def is_usable(self) -> bool:
        """Whether a builder waits there, which has time enough left. It says nothing before it is asked."""
        poll = select.poll()
        poll.register(self.stream.socket.fileno(), select.POLLIN)
        return time.monotonic() - self.began < SPARE_SECONDS and not poll.poll(0)

    async def end(self) -> None:
        """Tell the builder to end, and wait until its unit has."""
        with trio.CancelScope(shield=True), trio.move_on_after(END_SECONDS) as patience:
            with contextlib.suppress(OSError, trio.BrokenResourceError):
                await self.stream.send_eof()
            with contextlib.suppress(OSError, trio.BrokenResourceError):
                while await self.stream.receive_some():
                    pass
        if patience.cancelled_caught:
            logger.warning("a builder does not end; see: systemctl status 'condafs-build@*'")
        with trio.CancelScope(shield=True):
            await trio.aclose_forcefully(self.stream)


class SocketRunner:
    """Runs builds through a socket. One builder waits there, with everything imported.

    Args:
        path: Of the socket.
        aside: Where ends are waited for that nobody else waits for.
    """

    def __init__(self, path: Path, aside: trio.Nursery) -> None:
        self._path = path
        self._aside = aside
        self._spare = SpareBuilder(self._connect)
        self._removing = trio.CapacityLimiter(1)  # the disk does one after the other anyway

    async def run(
        self, request: BuildRequest, log: Path, on_progress: Callable[[Progress], None]
    ) -> Succeeded | Failed:
        """See `Runner`. Cancelling ends the unit, and waits for that.

        Raises:
            OSError: when the log cannot be written.
        """
        with log.open("ab", buffering=0) as output:
            try:
                line = await self._spare.take()
            except OSError as error:
                return note_failure(output, Failed(FailureKind.NETWORK, self._unreachable(error)))
            end = None
            try:
                end = await follow_build(line.stream, line.stream, request, output.fileno(), on_progress)
            finally:
                if isinstance(end, Succeeded):  # it has ended all that it started before it said so
                    self._aside.start_soon(line.end)
                else:
                    await line.end()
            if end is None or isinstance(end, Ended):
                end = note_failure(output, Failed(FailureKind.KILLED, describe_end(end)))
        self._aside.start_soon(self._spare.prepare)
        return end

    async def remove(self, prefix: Path) -> None:
        """See `Runner`. Nobody is asked when there is nothing; the builder that did it is kept as the spare."""
        if not os.path.lexists(prefix):  # noqa: ASYNC240 - quick
            return
        with trio.CancelScope(shield=True):
            async with self._removing:
                line = await self._spare.take()
                try:
                    await self._remove(line, prefix)
                except BaseException:
                    await line.end()
                    raise
                await self._spare.keep(line)

    async def _remove(self, line: _Line, prefix: Path) -> None:
        try:
            await send(line.stream, RemoveRequest(str(prefix)).encode())
            async with contextlib.aclosing(read_events(line.stream)) as events:
                async for event in events:
                    if isinstance(event, Removed):
                        return
                    if isinstance(event, Failed):
                        raise OSError(event.message)
        except trio.BrokenResourceError:
            pass
        msg = "the builder that was to remove it has died"
        raise OSError(msg)

    async def prepare(self) -> None:
        """Have a builder wait, if none does."""
        await self._spare.prepare()

    async def aclose(self) -> None:
        """End the one that waits."""
        await self._spare.aclose()

    async def _connect(self) -> _Line:
        return _Line(await trio.open_unix_socket(str(self._path)))

    def _unreachable(self, error: OSError) -> str:
        return (
            f"the builder cannot be reached at {self._path} (builder-socket): {error.strerror or error}; "
            "see: systemctl status condafs-build.socket"
        )


def describe_end(end: Ended | None) -> str:
    """What to say of a builder that ended without an outcome."""
    if end is None:
        return "the builder ended without saying how it went, and nobody says why; see: journalctl -u 'condafs-build@*'"
    known = _DEATHS.get(end.result, "ended ({result}) without saying how it went")
    return f"the builder {known.format(result=end.result, status=end.status)}"
