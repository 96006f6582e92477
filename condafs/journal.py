"""How the daemon's log lines look: for the journal, for a terminal, for a file.

Format: under systemd `<priority>logger: message` (sd-daemon(3); the journal has its own clock), elsewhere
`2026-11-01 12:00:00 WARNING logger: message`, with the level in colour when the stream is a terminal and `NO_COLOR` is
unset (no-color.org).
"""

import logging
import os
from collections.abc import Mapping
from typing import TextIO

_PRIORITIES = (
    (logging.CRITICAL, 2),
    (logging.ERROR, 3),
    (logging.WARNING, 4),
    (logging.INFO, 6),
    (logging.NOTSET, 7),
)
_COLOURS = {"DEBUG": "2", "INFO": "32", "WARNING": "33", "ERROR": "31", "CRITICAL": "1;31"}


class _JournalFormatter(logging.Formatter):
    """`<4>logger: message`, each line with its priority: the journal stores a line an entry."""

    def format(self, record: logging.LogRecord) -> str:
        priority = next(number for level, number in _PRIORITIES if record.levelno >= level)
        return "\n".join(f"<{priority}>{line}" for line in super().format(record).splitlines())


class _ColourFormatter(logging.Formatter):
    """The level in colour, the rest as it is."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own hook
        plain = record.levelname
        record.levelname = f"\x1b[{_COLOURS.get(plain, '0')}m{plain}\x1b[0m"
        try:
            return super().formatMessage(record)
        finally:
            record.levelname = plain


def formatter_for(stream: TextIO, environ: Mapping[str, str]) -> logging.Formatter:
    """The format that whoever reads the stream expects."""
    if _is_journal(stream, environ):
        return _JournalFormatter("%(name)s: %(message)s")
    kind = _ColourFormatter if stream.isatty() and not environ.get("NO_COLOR") else logging.Formatter
    return kind("%(asctime)s %(levelname)s %(name)s: %(message)s", datefmt="%Y-%m-%d %H:%M:%S")


def set_up_logging(stream: TextIO, environ: Mapping[str, str], *, is_verbose: bool = False) -> None:
    """Send every logger's lines to the stream: INFO and above, DEBUG as well when verbose. Replaces earlier set-ups."""
    handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter_for(stream, environ))
    logging.basicConfig(handlers=[handler], level=logging.DEBUG if is_verbose else logging.INFO, force=True)


def _is_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether the stream goes to the journal: `JOURNAL_STREAM` is its device and inode (systemd.exec(5))."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"
