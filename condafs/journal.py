"""How log lines look: for the journal, for a terminal, for a file.

Format: in the journal an entry each, with fields; under systemd without its journal `<priority>logger: message`
(sd-daemon(3)); elsewhere `2026-11-01 12:00:00 WARNING logger: message`, with the level in colour when the stream is a
terminal and `NO_COLOR` is unset (no-color.org).

Fields: who logs something about a build or an environment says so by `extra=about(build)`; then
`journalctl CONDAFS_ENV=foo` and `CONDAFS_BUILD=<digest>-foo` find it.
"""

import contextlib
import fcntl
import logging
import os
import socket
import struct
from collections.abc import Mapping
from pathlib import Path
from typing import TextIO

JOURNAL = Path("/run/systemd/journal/socket")

_PRIORITIES = (
    (logging.CRITICAL, 2),
    (logging.ERROR, 3),
    (logging.WARNING, 4),
    (logging.INFO, 6),
    (logging.NOTSET, 7),
)
_COLOURS = {"DEBUG": "2", "INFO": "32", "WARNING": "33", "ERROR": "31", "CRITICAL": "1;31"}
_FIELDS = {"condafs_env": "CONDAFS_ENV", "condafs_build": "CONDAFS_BUILD"}
"""Attribute of a record -> field of the journal."""

_SEALS = fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE | fcntl.F_SEAL_SEAL
_DIGEST_AND_DASH = 65


def about(build: object = "", environment: object = "") -> dict[str, str]:
    """What a log line is about, for its `extra`.

    Args:
        build: `<digest>-<name>`, or something that reads so.
        environment: Its name, where there is no build.
    """
    text = str(build)
    return {"condafs_env": text[_DIGEST_AND_DASH:] or str(environment), "condafs_build": text}


def _priority(record: logging.LogRecord) -> int:
    return next(number for level, number in _PRIORITIES if record.levelno >= level)


class _PriorityFormatter(logging.Formatter):
    """`<4>logger: message`, each line with its priority: the journal stores a line an entry."""

    def format(self, record: logging.LogRecord) -> str:
        return "\n".join(f"<{_priority(record)}>{line}" for line in super().format(record).splitlines())


class _ColourFormatter(logging.Formatter):
    """The level in colour, the rest as it is."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's own hook
        plain = record.levelname
        record.levelname = f"\x1b[{_COLOURS.get(plain, '0')}m{plain}\x1b[0m"
        try:
            return super().formatMessage(record)
        finally:
            record.levelname = plain


class JournalHandler(logging.Handler):
    """Sends entries with fields to the journal. What it does not take goes to the stream instead.

    Source: https://systemd.io/JOURNAL_NATIVE_PROTOCOL/

    Args:
        path: The journal's socket.
        fallback: Where else to.
        identifier: Who speaks (`journalctl -t`).

    Raises:
        OSError: Nobody listens there.
    """

    def __init__(self, path: Path, fallback: TextIO, identifier: str) -> None:
        super().__init__()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._identifier = identifier
        self._fallback = logging.StreamHandler(fallback)
        self._fallback.setFormatter(_PriorityFormatter("%(name)s: %(message)s"))
        self.setFormatter(logging.Formatter("%(name)s: %(message)s"))
        try:
            self._socket.connect(str(path))
        except OSError:
            self._socket.close()
            raise

    def emit(self, record: logging.LogRecord) -> None:
        """Send one entry."""
        try:
            self._send(self._entry(record))
        except OSError:
            self._fallback.emit(record)
        except Exception:  # noqa: BLE001 - logging's rule: a line that cannot be formatted must not stop who wrote it
            self.handleError(record)

    def close(self) -> None:
        """Nothing more is sent."""
        self._socket.close()
        super().close()

    def _entry(self, record: logging.LogRecord) -> bytes:
        fields = {
            "MESSAGE": self.format(record),
            "PRIORITY": _priority(record),
            "SYSLOG_IDENTIFIER": self._identifier,
            "LOGGER": record.name,
            "CODE_FILE": record.pathname,
            "CODE_LINE": record.lineno,
            "CODE_FUNC": record.funcName,
        }
        fields |= {field: getattr(record, name, "") for name, field in _FIELDS.items()}
        return b"".join(_encode(name, str(value)) for name, value in fields.items() if value != "")

    def _send(self, entry: bytes) -> None:
        try:
            self._socket.send(entry)
        except OSError:
            # Too long for a datagram: in a file that cannot change any more. Other errors come again here.
            with os.fdopen(
                os.memfd_create("journal", os.MFD_ALLOW_SEALING | os.MFD_CLOEXEC), "wb", buffering=0
            ) as file:
                file.write(entry)
                fcntl.fcntl(file, fcntl.F_ADD_SEALS, _SEALS)
                socket.send_fds(self._socket, [b""], [file.fileno()])


def _encode(name: str, value: str) -> bytes:
    data = value.encode("utf-8", "surrogateescape")
    if b"\n" in data:
        return b"%s\n%s%s\n" % (name.encode(), struct.pack("<Q", len(data)), data)
    return b"%s=%s\n" % (name.encode(), data)


def formatter_for(stream: TextIO, environ: Mapping[str, str]) -> logging.Formatter:
    """The format that whoever reads the stream expects."""
    if is_journal(stream, environ):
        return _PriorityFormatter("%(name)s: %(message)s")
    kind = _ColourFormatter if stream.isatty() and not environ.get("NO_COLOR") else logging.Formatter
    return kind("%(asctime)s %(levelname)s %(name)s: %(message)s", datefmt="%Y-%m-%d %H:%M:%S")


def set_up_logging(
    stream: TextIO,
    environ: Mapping[str, str],
    *,
    is_verbose: bool = False,
    identifier: str = "condafs",
    journal: Path = JOURNAL,
) -> None:
    """Send every logger's lines to the stream, or to the journal itself when that is where the stream leads.

    INFO and above, DEBUG as well when verbose. Replaces earlier set-ups.

    Args:
        stream: Usually standard error.
        environ: `os.environ`.
        is_verbose: Whether debugging messages are wanted.
        identifier: Who speaks, in the journal.
        journal: Its socket.
    """
    handler: logging.Handler = logging.StreamHandler(stream)
    handler.setFormatter(formatter_for(stream, environ))
    if is_journal(stream, environ):
        with contextlib.suppress(OSError):
            handler = JournalHandler(journal, stream, identifier)
    logging.basicConfig(handlers=[handler], level=logging.DEBUG if is_verbose else logging.INFO, force=True)


def is_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Whether the stream goes to the journal: `JOURNAL_STREAM` is its device and inode (systemd.exec(5))."""
    try:
        status = os.fstat(stream.fileno())
    except (OSError, ValueError):
        return False
    return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"
