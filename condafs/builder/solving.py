"""Asking what a specification would install, without building anything: from any process that runs trio.

The solver is a process of its own, which ends with the question: answered, cancelled, too late, or its asker gone.
How many questions are asked at a time is up to whoever asks.
"""

import contextlib
import sys
from collections.abc import Sequence
from pathlib import Path

import trio

from condafs.builder.child import Child, describe_death, start_child
from condafs.builder.protocol import Failed, FailureKind
from condafs.builder.solved import Answer, Solution, SolveRequest, decode_answer
from condafs.errors import CondafsError, UserError
from condafs.spec.canonical import to_canonical
from condafs.spec.credentials import mask_credentials
from condafs.spec.specification import Specification
from condafs.wording import seconds_text, size_text

SOLVER = (sys.executable, "-P", "-m", "condafs.builder.solve_only")

LONGEST_ANSWER_BYTES = 1 << 24
"""More than this is no answer: a thousand packages are some hundred kilobytes."""


class SolveError(CondafsError):
    """It could not be found out what a specification would install; asking again later may do.

    Args:
        kind: As of a build that failed; `TRANSIENT_KINDS` pass.
        message: For people, several lines at times, credentials masked.
    """

    def __init__(self, kind: FailureKind, message: str) -> None:
        super().__init__(message)
        self.kind = kind
        self.message = message


class UnsolvableError(SolveError, UserError):
    """Nothing can be installed for what was asked: no solution, no such channel, a match spec that cannot be read."""


_REFUSALS = frozenset(
    {
        FailureKind.UNSATISFIABLE,
        FailureKind.BAD_SPEC,
        FailureKind.CHANNEL,
        # Of archives that dependencies name by URL:
        FailureKind.CHECKSUM,
        FailureKind.PACKAGE,
    }
)


async def solve(  # noqa: PLR0913 - all by keyword
    specification: Specification,
    *,
    cache: Path,
    default_channels: Sequence[str],
    channel_alias: str,
    memory_bytes: int,
    timeout_seconds: float,
    command: Sequence[str] = SOLVER,
) -> Solution:
    """Find the packages that a specification would install on its platform. Cancelling kills the solver.

    Args:
        specification: Parsed; a lock's or an explicit list's packages are listed as they are.
        cache: Directory for repodata, absolute, made when it is not there; several questions may share it. An
            archive that a dependency names by URL is fetched into it as well.
        default_channels: When the specification names none.
        channel_alias: URL that plain channel names are below.
        memory_bytes: Limit of the solver, see `BuildRequest`; 0 for none.
        timeout_seconds: Until the solver is killed.
        command: What answers a `SolveRequest`; the seam for a sandbox.

    Raises:
        UnsolvableError: when asking again would not help.
        SolveError: otherwise.
    """
    text = to_canonical(specification).decode()
    request = SolveRequest(text, str(cache), tuple(default_channels), channel_alias, memory_bytes)
    try:
        child = await start_child(command)
    except OSError as error:
        raise SolveError(FailureKind.INTERNAL, f"the solver cannot be started: {error}") from error
    answer = None
    try:
        with trio.move_on_after(timeout_seconds) as scope:
            answer = await _converse(child, request)
    finally:
        with trio.CancelScope(shield=True):
            await child.end()
    if answer is None and scope.cancelled_caught:
        answer = _too_late(specification.channels or default_channels, timeout_seconds)
    if answer is None:
        answer = _died(child.process.returncode, memory_bytes)
    if isinstance(answer, Failed):
        raise (UnsolvableError if answer.kind in _REFUSALS else SolveError)(answer.kind, answer.message)
    return Solution(answer, specification.pip)


async def _converse(child: Child, request: SolveRequest) -> Answer | None:
    """Ask; None when it ends without an answer."""
    assert child.process.stdout  # noqa: S101 - asked for
    with contextlib.suppress(trio.BrokenResourceError):  # its end says more than the broken pipe
        await child.line.send_all(request.encode())
    line = bytearray()
    async for chunk in child.process.stdout:
        line += chunk
        if line.endswith(b"\n"):
            return await trio.to_thread.run_sync(_read, bytes(line))  # hundreds of packages take milliseconds
        if len(line) > LONGEST_ANSWER_BYTES:
            return Failed(FailureKind.INTERNAL, f"the solver's answer has more than {LONGEST_ANSWER_BYTES} bytes")
    await child.process.wait()
    return None


def _read(line: bytes) -> Answer:
    try:
        return decode_answer(line)
    except ValueError as error:
        return Failed(FailureKind.INTERNAL, f"the solver's answer cannot be read: {error}")


def _too_late(channels: Sequence[str], timeout_seconds: float) -> Failed:
    asked = mask_credentials(", ".join(channels))
    message = (
        f"there was no solution within {seconds_text(timeout_seconds)}, and the solver was stopped; "
        f"either a channel does not answer ({asked}), or the dependencies leave too much to try: pin more of them"
    )
    return Failed(FailureKind.TIMEOUT, message)


def _died(status: int | None, memory_bytes: int) -> Failed:
    limit = f" of {size_text(memory_bytes)}" if memory_bytes else ""
    return Failed(FailureKind.KILLED, describe_death(status, "the solver", limit))
