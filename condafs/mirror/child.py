"""The watcher of the daemon: `condafs watch` as a process of its own, begun anew when it ends.

The daemon must not write into its own mount, where it would wait for itself: when it ends, and when another takes the
mount over, a thread of it would wait for an answer that nobody gives. So one process more goes in by the one way in.
"""

import json
import logging
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import trio

from condafs.mirror.reports import Kind, parse_report

_HINT = ". A service sees no homes (ProtectHome): let whose file it is run `condafs watch` instead"

logger = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
"""Before it is begun again, doubled each time."""

_UNSEEN = frozenset({Kind.UNREADABLE, Kind.MISSING})
_TROUBLE = _UNSEEN | {Kind.SLOW, Kind.OFFLINE}
"""Somebody must look; a file that is refused is its writer's business, who sees it in `.error`."""


def command_of(mount: Path, paths: Sequence[Path], *, retires: bool) -> list[str]:
    """The command line of the process."""
    options = ["--retire"] if retires else []
    command = [sys.executable, "-P", "-m", "condafs", "watch", "--json", "--with-parent", "--mount", str(mount)]
    return [*command, *options, "--", *map(str, paths)]


async def keep_watching(command: Sequence[str]) -> None:
    """Run it until cancelled; what it reports is logged."""
    pause = FIRST_PAUSE_SECONDS
    while True:
        began = trio.current_time()
        status = await _run(command)
        if trio.current_time() - began > LONGEST_PAUSE_SECONDS:
            pause = FIRST_PAUSE_SECONDS
        logger.warning("the watcher ended with status %s; it begins again in %g s", status, pause)
        await trio.sleep(pause)
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)


async def _run(command: Sequence[str]) -> int:
    # Its end of standard input closes with this process, however that ends.
    process = await trio.lowlevel.open_process(
        list(command), stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True, cwd="/"
    )
    assert process.stdin  # noqa: S101 - asked for
    assert process.stdout  # noqa: S101
    try:
        async with process.stdin, process.stdout:
            rest = b""
            async for chunk in process.stdout:
                *lines, rest = (rest + chunk).split(b"\n")
                for line in lines:
                    _log(line)
        return await process.wait()
    finally:
        if process.returncode is None:
            process.kill()  # not waited for: it may be waiting for the mount, which is ending


def _log(line: bytes) -> None:
    try:
        report = parse_report(json.loads(line))
    except (ValueError, TypeError):
        logger.warning("the watcher says: %s", line.decode(errors="replace"))
        return
    level = logging.WARNING if report.kind in _TROUBLE else logging.INFO
    logger.log(level, "%s%s", report.line, _HINT if report.kind in _UNSEEN else "")
