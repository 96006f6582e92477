"""A build's log: what people follow with `tail -f`, one line an event, with the time in front.

Format: `2026-11-01 12:00:00 text`; output of other programs as `2026-11-01 12:00:00 zz-badlink | text`. Credentials in
URLs are masked on the way, and what would steer a terminal is taken out. Lines are written whole by one write(2)
each, so that they never mix. What an event says in more than one line has `| ` before all but the first: there may be
other people's words among them, and none of these is to look like an event.
"""

import itertools
import os
import re
import time

from condafs.spec.credentials import mask_credentials

MAX_OUTPUT_BYTES = 32 << 20
"""What a build's log keeps of other programs' output: a script that talks for ever must not fill the disk."""

_STEERING = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[@-Z\\^_])")
"""Escape sequences (ECMA-48): colours, cursor, titles."""

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def printable(text: str) -> str:
    """A text that does nothing to the terminal of whoever reads the log; tabs and line feeds stay."""
    return _CONTROL.sub("\ufffd", _STEERING.sub("", text))


class Transcript:
    """Writes lines to a file descriptor; any thread may.

    Args:
        fd: Where to; open for appending.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._room = MAX_OUTPUT_BYTES

    def note(self, text: str) -> None:
        """One event, or several lines of one explanation."""
        self._write(text, "", "| ")

    def output(self, source: str, text: str) -> None:
        """What another program said; `source` names it."""
        if self._room <= 0:
            return
        self._room -= len(text) + 1
        self._write(text, f"{source} | ", f"{source} | ")
        if self._room <= 0:
            self.note(f"{source}: the log is full; what programs say from here on is not kept")

    def _write(self, text: str, first_margin: str, margin: str) -> None:
        stamp = time.strftime("%Y-%m-%d %H:%M:%S ")
        lines = (text.rstrip() or text.strip()).splitlines() or [""]
        starts = itertools.chain((stamp + first_margin,), itertools.repeat(stamp + margin))
        masked = map("{}{}\n".format, starts, (mask_credentials(printable(line)) for line in lines))
        data = "".join(masked).encode("utf-8", "replace")
        while data:
            data = data[os.write(self._fd, data) :]
